/* The conversation with the Go side, see frame.go. Numbers are big endian, a string is u32
 * length | bytes. */
#include "host.h"
#include <errno.h>

static int read_all(void *to, size_t size)
{
    for (char *at = to; size > 0;) {
        ssize_t n = read(frames_in, at, size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return 0;
        at += n;
        size -= n;
    }
    return 1;
}

static uint32_t u32(const void *at)
{
    const unsigned char *b = at;
    return (uint32_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
}

static void put_u32(char *at, uint32_t v)
{
    for (int i = 3; i >= 0; i--, v >>= 8) at[i] = (char)v;
}

/* length u32 | id u32 | op u8 | payload; NULL at the end of stdin. */
struct frame *read_frame(void)
{
    unsigned char head[9];
    if (!read_all(head, sizeof head)) return NULL;
    uint32_t size = u32(head) - 5;
    struct frame *f = new(sizeof *f + size);
    f->id = u32(head + 4);
    f->op = head[8];
    f->size = size;
    return read_all(f->data, size) ? f : NULL;
}

char *read_bytes(struct frame *f, uint32_t size)
{
    if (size > f->size - f->at) {
        errno = EPROTO;
        die("a frame is shorter than it says");
    }
    f->at += size;
    return f->data + f->at - size;
}

uint32_t take_u32(struct frame *f) { return u32(read_bytes(f, 4)); }

char *read_string(struct frame *f)
{
    uint32_t size = take_u32(f);
    char *s = strndup(read_bytes(f, size), size);
    if (!s) die("out of memory");
    return s;
}

/* Sends length u32 | id u32 | code i32 | extra u32 | text, and frees the frame that asked. */
void answer(struct frame *f, int code, uint32_t extra, const char *text)
{
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
    size_t size = strlen(text);
    char *out = new(16 + size), *at = out;
    put_u32(out, 12 + size);
    put_u32(out + 4, f->id);
    put_u32(out + 8, code);
    put_u32(out + 12, extra);
    memcpy(out + 16, text, size);
    pthread_mutex_lock(&one_at_a_time);
    for (size += 16; size > 0;) {
        ssize_t n = write(frames_out, at, size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) _exit(0);
        at += n;
        size -= n;
    }
    pthread_mutex_unlock(&one_at_a_time);
    free(out);
    free(f);
}
