/* The cache of compiled programs on disk. It may be missing, full, read-only, damaged or written by
 * another process at the same time: the worst that follows is a build.
 *
 * Entry KEY.bin: magic[8], key[32], payload length[8], CRC-32C of the payload[4] (both
 * little-endian), payload: the binary, or nothing, which only notes that the program has been
 * built. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/log.h"
#include "base/memory.h"
#include "device/internal.h"

static const char magic[8] = {'g', 'a', 'n', 'o', 'c', 'l', '0', '2'};

enum {
    KEY_AT = sizeof magic,
    LENGTH_AT = KEY_AT + GCL_SHA256_BYTES,
    SUM_AT = LENGTH_AT + 8,
    HEAD_BYTES = SUM_AT + 4
};

int gcl_cache_folder(gcl_text *path)
{
    const char *folder = getenv("GANOCL_CACHE"), *xdg = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    if (folder != NULL && strcmp(folder, "off") == 0)
        return 0;
    if (folder != NULL && *folder != 0)
        gcl_text_add(path, "%s", folder);
    else if (xdg != NULL && *xdg == '/') /* the standard wants relative ones ignored */
        gcl_text_add(path, "%s/ganocl", xdg);
    else if (home != NULL && *home != 0)
        gcl_text_add(path, "%s/.cache/ganocl", home);
    else
        return 0;
    return 1;
}

/* All of the head but the sum. */
static void write_start(uint8_t head[HEAD_BYTES], const uint8_t key[GCL_SHA256_BYTES], size_t bytes)
{
    memcpy(head, magic, sizeof magic);
    memcpy(head + KEY_AT, key, GCL_SHA256_BYTES);
    for (int i = 0; i < 8; i++)
        head[LENGTH_AT + i] = (uint8_t)((uint64_t)bytes >> 8 * i);
}

static void write_sum(uint8_t head[HEAD_BYTES], const void *payload, size_t bytes)
{
    uint32_t sum = gcl_crc32c(payload, bytes);
    for (int i = 0; i < 4; i++)
        head[SUM_AT + i] = (uint8_t)(sum >> 8 * i);
}

static int read_all(int file, void *data, size_t bytes)
{
    for (size_t at = 0; at < bytes;) {
        ssize_t n = read(file, (char *)data + at, bytes - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        at += (size_t)n;
    }
    return 0;
}

static int write_all(int file, const void *data, size_t bytes)
{
    for (size_t at = 0; at < bytes;) {
        ssize_t n = write(file, (const char *)data + at, bytes - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        at += (size_t)n;
    }
    return 0;
}

/* The payload of an open entry, or NULL unless every byte of the entry is as it was written. */
static unsigned char *read_entry(int file, const uint8_t key[GCL_SHA256_BYTES], size_t *bytes)
{
    struct stat facts;
    uint8_t head[HEAD_BYTES], wanted[HEAD_BYTES];
    if (fstat(file, &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_size < HEAD_BYTES)
        return NULL;
    *bytes = (size_t)facts.st_size - HEAD_BYTES;
    if (read_all(file, head, HEAD_BYTES) != 0)
        return NULL;
    write_start(wanted, key, *bytes);
    if (memcmp(head, wanted, SUM_AT) != 0) /* before memory is wanted for a foreign giant */
        return NULL;
    unsigned char *payload = malloc(*bytes + 1);
    if (payload != NULL && read_all(file, payload, *bytes) == 0) {
        write_sum(wanted, payload, *bytes);
        if (memcmp(head + SUM_AT, wanted + SUM_AT, HEAD_BYTES - SUM_AT) == 0)
            return payload;
    }
    free(payload);
    return NULL;
}

/* Appends the path of an entry; 0 if there is no cache. */
static int entry_path(gcl_text *path, const uint8_t key[GCL_SHA256_BYTES])
{
    char name[GCL_SHA256_HEX];
    if (!gcl_cache_folder(path))
        return 0;
    gcl_sha256_hex(key, name);
    gcl_text_add(path, "/%s.bin", name);
    return 1;
}

gcl_cache_state gcl_cache_find(const uint8_t key[GCL_SHA256_BYTES])
{
    gcl_text path = {0};
    struct stat facts;
    int found = entry_path(&path, key) && stat(path.text, &facts) == 0;
    gcl_text_free(&path);
    return !found                       ? GCL_CACHE_NOTHING
           : facts.st_size > HEAD_BYTES ? GCL_CACHE_BINARY
                                        : GCL_CACHE_NOTE;
}

int gcl_cache_load(const uint8_t key[GCL_SHA256_BYTES], unsigned char **binary, size_t *bytes)
{
    gcl_text path = {0};
    *binary = NULL;
    if (!entry_path(&path, key))
        return 0;
    int found = 0;
    int file = open(path.text, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* no waiting for a pipe */
    if (file >= 0) {
        *binary = read_entry(file, key, bytes);
        found = *binary != NULL;
        if (!found) {
            gcl_verbose("program cache: %s is damaged; building again", path.text);
            unlink(path.text);
        }
        close(file);
    }
    if (found && *bytes == 0) {
        free(*binary);
        *binary = NULL;
    }
    gcl_text_free(&path);
    return found;
}

/* mkdir -p; whether it worked shows when a file is made in it. */
static void make_folders(char *path)
{
    for (char *at = strchr(path + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
        *at = 0;
        mkdir(path, 0755);
        *at = '/';
    }
    mkdir(path, 0755);
}

int gcl_cache_writable(void)
{
    gcl_text path = {0};
    int writable = 0;
    if (gcl_cache_folder(&path)) {
        make_folders(path.text);
        writable = access(path.text, W_OK | X_OK) == 0;
        if (!writable)
            gcl_verbose("program cache: cannot write to %s: %s", path.text, strerror(errno));
    }
    gcl_text_free(&path);
    return writable;
}

/* Writes a file of its own and renames it, so that no reader sees half an entry and of several
 * writers the last one wins whole. -1 with errno set. */
static int write_entry(const char *path, const uint8_t head[HEAD_BYTES], const void *binary,
                       size_t bytes)
{
    gcl_text temporary = {0};
    gcl_text_add(&temporary, "%s.XXXXXX", path);
    int result = -1, file = mkstemp(temporary.text);
    if (file >= 0) {
        int written = write_all(file, head, HEAD_BYTES) == 0 && write_all(file, binary, bytes) == 0;
        if (close(file) == 0 && written)
            result = rename(temporary.text, path);
        if (result != 0) {
            int reason = errno;
            unlink(temporary.text);
            errno = reason;
        }
    }
    gcl_text_free(&temporary);
    return result;
}

void gcl_cache_store(const uint8_t key[GCL_SHA256_BYTES], const void *binary, size_t bytes)
{
    gcl_text path = {0};
    if (!entry_path(&path, key))
        return;
    uint8_t head[HEAD_BYTES];
    write_start(head, key, bytes);
    write_sum(head, binary, bytes);
    if (write_entry(path.text, head, binary, bytes) != 0)
        gcl_verbose("program cache: cannot write %s: %s", path.text, strerror(errno));
    gcl_text_free(&path);
}
