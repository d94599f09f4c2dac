/* plugin.c: a QEMU TCG plugin that counts a guest's A64 instructions by class.
 *
 * The guest marks a moment by the system call getpgid(-MARK - number), which fails without any effect. Each mark
 * appends a line "number total dot_product multiply_long load_store" to the file given as out=, counted since the
 * start. The counters are not atomic: one thread may run between two marks.
 *
 * Source: QEMU 7.2, docs/devel/tcg-plugins.rst and include/qemu/qemu-plugin.h, API version 1. Debian 12 ships the
 * interface without the header, so what is used of it is declared here.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "instruction.h"

#define MARK 32343
#define GETPGID 155 /* include/uapi/asm-generic/unistd.h */

typedef uint64_t Plugin;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef struct qemu_info_t qemu_info_t;
typedef void (*Translated)(Plugin, struct qemu_plugin_tb *);
typedef void (*Called)(Plugin, unsigned vcpu, int64_t number, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                       uint64_t, uint64_t);
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };

void qemu_plugin_register_vcpu_tb_trans_cb(Plugin, Translated);
void qemu_plugin_register_vcpu_syscall_cb(Plugin, Called);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *, enum qemu_plugin_op, void *, uint64_t);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);

#define EXPORT __attribute__((visibility("default")))
EXPORT int qemu_plugin_version = 1;

static uint64_t counts[CLASSES];
static FILE *out;

/* A block is translated once and run often: its instructions are classified here, and added whenever it runs. */
static void translated(Plugin plugin, struct qemu_plugin_tb *block)
{
    (void)plugin;
    uint64_t within[CLASSES] = {0};
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(block); i++) {
        uint32_t word; /* A64 is little-endian, as the host is */
        memcpy(&word, qemu_plugin_insn_data(qemu_plugin_tb_get_insn(block, i)), sizeof word);
        count_instruction(word, within);
    }
    for (int i = 0; i < CLASSES; i++)
        if (within[i])
            qemu_plugin_register_vcpu_tb_exec_inline(block, QEMU_PLUGIN_INLINE_ADD_U64, &counts[i], within[i]);
}

static void called(Plugin plugin, unsigned vcpu, int64_t number, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                   uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8)
{
    (void)plugin, (void)vcpu, (void)a2, (void)a3, (void)a4, (void)a5, (void)a6, (void)a7, (void)a8;
    int32_t group = (int32_t)a1;
    if (number != GETPGID || group > -MARK)
        return;
    fprintf(out, "%d", -MARK - group);
    for (int i = 0; i < CLASSES; i++)
        fprintf(out, " %" PRIu64, counts[i]);
    fputc('\n', out);
    fflush(out);
}

EXPORT int qemu_plugin_install(Plugin plugin, const qemu_info_t *info, int argc, char **argv)
{
    (void)info;
    if (argc != 1 || strncmp(argv[0], "out=", 4) || !(out = fopen(argv[0] + 4, "w"))) {
        fputs("plugin.c: give out=FILE\n", stderr);
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(plugin, translated);
    qemu_plugin_register_vcpu_syscall_cb(plugin, called);
    return 0;
}
