#include "io/gzip.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "io/file.h"

/* 15 bits of window, and the gzip header is wanted. */
enum { WINDOW = 15 + 16, FIRST_BYTES = 1 << 16 };

static int is_gzip(const uint8_t *bytes, size_t n)
{
    return n >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B;
}

typedef struct unpacked {
    uint8_t *bytes;
    size_t n, capacity, limit;
} unpacked;

/* Doubles the room, up to one byte more than the limit, so that too much is seen. */
static int grow(unpacked *out, const char *path, gcl_error *err)
{
    size_t most = out->limit + 1, capacity = out->capacity < most / 2 ? 2 * out->capacity : most;
    if (out->n > out->limit)
        return gcl_fail(err, GCL_DATA, "%s: unpacks to more than %zu bytes", path, out->limit);
    uint8_t *grown = realloc(out->bytes, capacity + 1);
    if (grown == NULL)
        return gcl_fail(err, GCL_MEMORY, "%s: out of host memory (%zu bytes wanted)", path,
                        capacity);
    out->bytes = grown;
    out->capacity = capacity;
    return 0;
}

/* One call of inflate. Returns its result; Z_BUF_ERROR when nothing more could be done. */
static int step(z_stream *stream, unpacked *out)
{
    size_t room = out->capacity - out->n;
    stream->next_out = out->bytes + out->n;
    stream->avail_out = room < 1u << 30 ? (uInt)room : 1u << 30;
    uInt before = stream->avail_out;
    int result = inflate(stream, Z_NO_FLUSH);
    out->n += before - stream->avail_out;
    return result;
}

static int unpack_all(z_stream *stream, unpacked *out, const char *path, gcl_error *err)
{
    for (;;) {
        if (out->n == out->capacity && grow(out, path, err) != 0)
            return -1;
        int result = step(stream, out);
        if (result == Z_STREAM_END && is_gzip(stream->next_in, stream->avail_in))
            result = inflateReset(stream); /* the next member */
        else if (result == Z_STREAM_END)
            return out->n <= out->limit ? 0 : grow(out, path, err);
        if (result == Z_BUF_ERROR && stream->avail_in == 0)
            return gcl_fail(err, GCL_DATA, "%s: is cut short (gzip ends too early)", path);
        if (result == Z_MEM_ERROR)
            return gcl_fail(err, GCL_MEMORY, "%s: out of host memory", path);
        if (result != Z_OK && result != Z_BUF_ERROR)
            return gcl_fail(err, GCL_DATA, "%s: damaged gzip: %s", path,
                            stream->msg != NULL ? stream->msg : "no reason given");
    }
}

static int unpack(uint8_t *packed, size_t n, unpacked *out, const char *path, gcl_error *err)
{
    z_stream stream = {.next_in = packed, .avail_in = (uInt)n};
    out->capacity = 4 * n + FIRST_BYTES < out->limit ? 4 * n + FIRST_BYTES : out->limit + 1;
    out->bytes = malloc(out->capacity + 1);
    if (out->bytes == NULL || inflateInit2(&stream, WINDOW) != Z_OK) {
        free(out->bytes);
        return gcl_fail(err, GCL_MEMORY, "%s: out of host memory", path);
    }
    int result = unpack_all(&stream, out, path, err);
    inflateEnd(&stream);
    if (result != 0)
        free(out->bytes);
    return result;
}

int gcl_gzip_read(const char *path, size_t limit, uint8_t **bytes, size_t *n, gcl_error *err)
{
    if (gcl_file_read(path, limit < UINT32_MAX ? limit : UINT32_MAX, bytes, n, err) != 0)
        return -1;
    if (!is_gzip(*bytes, *n))
        return 0;
    unpacked out = {.limit = limit};
    int result = unpack(*bytes, *n, &out, path, err);
    free(*bytes);
    *bytes = result == 0 ? out.bytes : NULL;
    *n = out.n;
    return result;
}

static int peek(const uint8_t *packed, size_t n_packed, uint8_t *bytes, size_t n)
{
    z_stream stream = {.next_in = (uint8_t *)(uintptr_t)packed, .avail_in = (uInt)n_packed};
    stream.next_out = bytes;
    stream.avail_out = (uInt)n;
    if (inflateInit2(&stream, WINDOW) != Z_OK)
        return -1;
    inflate(&stream, Z_SYNC_FLUSH);
    inflateEnd(&stream);
    return stream.avail_out == 0 ? 0 : -1;
}

int gcl_gzip_peek(const char *path, uint8_t *bytes, size_t n)
{
    uint8_t first[4096];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t got = fd >= 0 ? read(fd, first, sizeof first) : -1;
    if (fd >= 0)
        close(fd);
    if (got < 0)
        return -1;
    if (is_gzip(first, (size_t)got))
        return peek(first, (size_t)got, bytes, n);
    if ((size_t)got < n)
        return -1;
    memcpy(bytes, first, n);
    return 0;
}
