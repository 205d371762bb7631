/* Memory that is never NULL, and that is overwritten before it goes back. */
#include "host.h"
#include <errno.h>

enum { QUARANTINED_CHUNKS = 64, QUARANTINED_BYTES = 64 * 1024 };

/* Through a pointer that may change, so that the compiler doesn't drop a fill before a free. */
static void *(*volatile fill)(void *, int, size_t) = memset;

void die(const char *what)
{
    fprintf(stderr, "host: %s: %s\n", what, strerror(errno));
    _exit(3);
}

void *new(size_t size)
{
    void *p = calloc(1, size ? size : 1);
    if (!p) die("out of memory");
    return p;
}

void poison(void *p, size_t size)
{
    if (p) fill(p, POISON, size);
    free(p);
}

void poison_string(char *s)
{
    if (s) poison(s, strlen(s));
}

char *copy_string(const char *s)
{
    char *c = s ? strdup(s) : NULL;
    if (s && !c) die("out of memory");
    return c;
}

/* Small chunks are kept for a while before they are freed, so that a kept pointer reads 0xDB,
 * not the next chunk. */
void retire_chunk(char *chunk, size_t size)
{
    static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
    static char *kept[QUARANTINED_CHUNKS];
    static int turn;
    fill(chunk, POISON, size);
    if (size <= QUARANTINED_BYTES) {
        pthread_mutex_lock(&guard);
        char *older = kept[turn];
        kept[turn] = chunk;
        turn = (turn + 1) % QUARANTINED_CHUNKS;
        pthread_mutex_unlock(&guard);
        chunk = older;
    }
    free(chunk);
}
