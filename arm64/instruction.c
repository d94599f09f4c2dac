/* instruction.c: which classes an A64 instruction belongs to, by its encoding.
 *
 * Source: Arm Architecture Reference Manual for A-profile, DDI 0487, section C4.1 "A64 instruction set encoding", under
 * the table named at each pattern. Classes overlap: every instruction is in TOTAL. The dot and matrix products of
 * FEAT_I8MM and SVE are left out; no board of arm64/board.py has them.
 */
#include <stddef.h>
#include <stdint.h>

#include "instruction.h"

typedef struct {
    uint32_t mask, value;
    enum class in;
} Pattern;

static const Pattern patterns[] = {
    /* "Main encoding table": op0, bits 28:25, is x1x0. Prefetches and atomics are among them. */
    {0x0a000000, 0x08000000, LOAD_STORE},
    /* "Advanced SIMD three same extra": SDOT, UDOT (vector), size 10, opcode 0010. */
    {0x9fe0fc00, 0x0e809400, DOT_PRODUCT},
    /* "Advanced SIMD vector x indexed element": SDOT, UDOT (by element), size 10, opcode 1110. */
    {0x9fc0f400, 0x0f80e000, DOT_PRODUCT},
    /* "Advanced SIMD three different": [SU]MLAL(2) 1000 and [SU]MLSL(2) 1010, then [SU]MULL(2) 1100. */
    {0x9f20dc00, 0x0e208000, MULTIPLY_LONG},
    {0x9f20fc00, 0x0e20c000, MULTIPLY_LONG},
    /* "Advanced SIMD vector x indexed element": [SU]MLAL(2) 0010, [SU]MLSL(2) 0110, then [SU]MULL(2) 1010. */
    {0x9f00b400, 0x0f002000, MULTIPLY_LONG},
    {0x9f00f400, 0x0f00a000, MULTIPLY_LONG},
};

void count_instruction(uint32_t word, uint64_t counts[CLASSES])
{
    counts[TOTAL]++;
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        if ((word & patterns[i].mask) == patterns[i].value)
            counts[patterns[i].in]++;
}
