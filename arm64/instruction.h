/* instruction.h: classes of A64 instructions; the order is that of CLASSES in arm64/instruction.py. */
#include <stdint.h>

enum class { TOTAL, DOT_PRODUCT, MULTIPLY_LONG, LOAD_STORE, CLASSES };

/* Add one to each class that the instruction is in. */
void count_instruction(uint32_t word, uint64_t counts[CLASSES]);
