/* The pictures of a zip, read where they lie through libzip, stored or deflated. StyleGAN's data sets
 * come so: pictures in 00000/, 00001/ ..., and dataset.json (datasets/labels.h).
 *
 * A handle of libzip serves one thread at a time; idle ones wait here for the next reader. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "base/memory.h"
#include "datasets/files.h"
#include "io/image.h"

enum { MOST_IDLE = 64 };

struct gcl_zip {
    char *path;
    pthread_mutex_t lock; /* guards what follows */
    zip_t *idle[MOST_IDLE];
    int n_idle;
};

bool gcl_zip_is_header(const uint8_t *bytes, size_t n)
{
    return n >= 4 && (memcmp(bytes, "PK\3\4", 4) == 0 || memcmp(bytes, "PK\5\6", 4) == 0);
}

static zip_t *open_handle(const char *path, gcl_error *err)
{
    int code = 0;
    zip_t *handle = zip_open(path, ZIP_RDONLY, &code);
    if (handle == NULL) {
        zip_error_t reason;
        zip_error_init_with_code(&reason, code);
        gcl_fail(err, code == ZIP_ER_MEMORY ? GCL_MEMORY : GCL_DATA,
                 "%s: is a damaged zip, or cut short (%s); copy it again", path,
                 zip_error_strerror(&reason));
        zip_error_fini(&reason);
    }
    return handle;
}

static zip_t *take_handle(gcl_zip *zip, gcl_error *err)
{
    pthread_mutex_lock(&zip->lock);
    zip_t *handle = zip->n_idle > 0 ? zip->idle[--zip->n_idle] : NULL;
    pthread_mutex_unlock(&zip->lock);
    return handle != NULL ? handle : open_handle(zip->path, err);
}

static void give_handle(gcl_zip *zip, zip_t *handle)
{
    pthread_mutex_lock(&zip->lock);
    bool room = zip->n_idle < MOST_IDLE;
    if (room)
        zip->idle[zip->n_idle++] = handle;
    pthread_mutex_unlock(&zip->lock);
    if (!room)
        zip_discard(handle);
}

int gcl_zip_list(gcl_files *files, gcl_error *err)
{
    zip_t *handle = open_handle(files->root, err);
    if (handle == NULL)
        return -1;
    files->zip = gcl_alloc(sizeof *files->zip);
    files->zip->path = gcl_strdup(files->root);
    pthread_mutex_init(&files->zip->lock, NULL);
    zip_int64_t n = zip_get_num_entries(handle, 0);
    for (zip_int64_t i = 0; i < n; i++) {
        zip_stat_t facts;
        if (zip_stat_index(handle, (zip_uint64_t)i, 0, &facts) != 0 ||
            (facts.valid & ZIP_STAT_NAME) == 0 || (facts.valid & ZIP_STAT_SIZE) == 0)
            continue;
        size_t length = strlen(facts.name);
        char *path =
            length > 0 && facts.name[length - 1] != '/' ? gcl_files_clean(facts.name) : NULL;
        if (path != NULL)
            gcl_files_add(files, path, (uint64_t)i, facts.size);
    }
    give_handle(files->zip, handle);
    return 0;
}

/* The n bytes of an entry. The read beyond them makes libzip compare the checksum. */
static int read_entry(zip_t *handle, const gcl_files_entry *entry, const char *name, uint8_t *bytes,
                      gcl_error *err)
{
    uint8_t beyond;
    zip_file_t *file = zip_fopen_index(handle, entry->at, 0);
    if (file == NULL)
        return gcl_fail(err, GCL_DATA, "%s: cannot be read: %s", name, zip_strerror(handle));
    zip_uint64_t done = 0;
    zip_int64_t got = 1;
    while (done < entry->bytes && got > 0) {
        got = zip_fread(file, bytes + done, entry->bytes - done);
        done += got > 0 ? (zip_uint64_t)got : 0;
    }
    int result = 0;
    if (got < 0 || done < entry->bytes || zip_fread(file, &beyond, 1) != 0)
        result =
            gcl_fail(err, GCL_DATA, "%s: is damaged in the zip: %s", name, zip_file_strerror(file));
    zip_fclose(file);
    return result;
}

int gcl_zip_read(gcl_zip *zip, const gcl_files_entry *entry, const char *name, uint8_t *bytes,
                 gcl_error *err)
{
    zip_t *handle = take_handle(zip, err);
    if (handle == NULL)
        return -1;
    int result = read_entry(handle, entry, name, bytes, err);
    give_handle(zip, handle);
    return result;
}

void gcl_zip_close(gcl_zip *zip)
{
    if (zip == NULL)
        return;
    for (int i = 0; i < zip->n_idle; i++)
        zip_discard(zip->idle[i]);
    pthread_mutex_destroy(&zip->lock);
    free(zip->path);
    free(zip);
}
