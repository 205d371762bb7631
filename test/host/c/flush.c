/* One flush on a coroutine's stack (include/fluent-bit/flb_output.h, flb_coro.h,
 * src/proxy/go/go.c). */
#include "host.h"
#include <sys/mman.h>
#include <ucontext.h>

struct flush {
    ucontext_t caller, coroutine;
    struct instance *ins;
    const char *chunk;
    uint32_t size;
    char *tag;
    int code;
};
static __thread struct flush *flushing;

static void coroutine_main(void)
{
    struct flush *fl = flushing;
    struct plugin *p = fl->ins->proxy->plugin;
    fl->code = p->flush_ctx ? p->flush_ctx(fl->ins->context->remote_context, fl->chunk, fl->size, fl->tag)
                            : p->flush(fl->chunk, fl->size, fl->tag);
}

/* Runs the flush on a stack of stack_bytes above a page that can't be touched; returns how much
 * of it was used. */
static size_t run_coroutine(struct flush *fl)
{
    const size_t page = sysconf(_SC_PAGESIZE), size = page + (stack_bytes + page - 1) / page * page;
    char *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
    if (base == MAP_FAILED || mprotect(base, page, PROT_NONE)) die("a coroutine's stack");
    if (getcontext(&fl->coroutine)) die("getcontext");
    fl->coroutine.uc_stack.ss_sp = base + page;
    fl->coroutine.uc_stack.ss_size = stack_bytes;
    fl->coroutine.uc_link = &fl->caller;
    flushing = fl;
    makecontext(&fl->coroutine, coroutine_main, 0);
    if (swapcontext(&fl->caller, &fl->coroutine)) die("swapcontext");
    size_t untouched = 0;
    while (untouched < stack_bytes && !base[page + untouched]) untouched++;
    munmap(base, size);
    return stack_bytes - untouched;
}

/* 'F' instance, tag, chunk: answers the code, the stack that was used, and the plugin's
 * violations. */
void run_flush(struct frame *f, struct instance *ins)
{
    struct flush fl = {.ins = ins, .tag = read_string(f)};
    char note[96] = "";
    fl.size = take_u32(f);
    const char *sent = read_bytes(f, fl.size);
    char *chunk = memcpy(new(fl.size), sent, fl.size);
    fl.chunk = chunk;
    size_t used = run_coroutine(&fl);
    if (fl.code != OK && fl.code != RETRY && fl.code != ERROR) {
        snprintf(note, sizeof note, "the plugin returned %d, which Fluent Bit takes for ERROR", fl.code);
        fl.code = ERROR;
    }
    if (memcmp(chunk, sent, fl.size))
        snprintf(note, sizeof note, "the plugin wrote into the chunk, which Fluent Bit uses again for a retry");
    poison_string(fl.tag);
    retire_chunk(chunk, fl.size);
    answer(f, fl.code, used, note);
}
