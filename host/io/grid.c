#include "io/grid.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void gcl_grid_bytes_from_floats(uint8_t *bytes, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float level = (x[i] + 1.0f) * 127.5f;
        /* Written so that NaN falls into the first case. */
        bytes[i] = !(level > 0.0f) ? 0 : level >= 255.0f ? 255 : (uint8_t)(level + 0.5f);
    }
}

static int make_sheet(gcl_image *sheet, const uint8_t *batch, int n, int h, int w, int c,
                      int columns, gcl_error *err)
{
    int rows = (n + columns - 1) / columns;
    if (gcl_image_new(sheet, columns * w, rows * h, c, err) != 0)
        return -1;
    size_t row_bytes = (size_t)w * (size_t)c, sheet_bytes = row_bytes * (size_t)columns;
    for (int i = 0; i < n; i++) {
        uint8_t *to = sheet->pixels + (size_t)(i / columns) * (size_t)h * sheet_bytes +
                      (size_t)(i % columns) * row_bytes;
        for (int y = 0; y < h; y++) {
            memcpy(to, batch, row_bytes);
            to += sheet_bytes;
            batch += row_bytes;
        }
    }
    return 0;
}

int gcl_grid_write_png(const char *path, const uint8_t *batch, int n, int h, int w, int c,
                       int columns, gcl_error *err)
{
    gcl_image sheet;
    if (make_sheet(&sheet, batch, n, h, w, c, columns, err) != 0)
        return -1;
    int result = gcl_image_write_png(path, &sheet, err);
    gcl_image_free(&sheet);
    return result;
}

int gcl_grid_write_pictures(const char *path, const gcl_image *pictures, int n, int columns,
                            gcl_error *err)
{
    int w = pictures->width, h = pictures->height, c = pictures->channels;
    size_t bytes = (size_t)w * (size_t)h * (size_t)c;
    uint8_t *batch = gcl_try_alloc((size_t)n * bytes, "sheet of pictures", err);
    if (batch == NULL)
        return -1;
    for (int i = 0; i < n; i++)
        memcpy(batch + (size_t)i * bytes, pictures[i].pixels, bytes);
    int result = gcl_grid_write_png(path, batch, n, h, w, c, columns, err);
    free(batch);
    return result;
}
