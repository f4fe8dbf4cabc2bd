#include "io/animation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <webp/encode.h>
#include <webp/mux.h>

#include "base/memory.h"
#include "io/file.h"

/* Of libwebp's 0 to 6 and 0 to 9: how hard it tries. */
enum { LOSSY_EFFORT = 4, LOSSLESS_EFFORT = 6 };

struct gcl_animation {
    char *path;
    int width, height, frames;
    double fps;
    WebPConfig config;
    WebPAnimEncoder *encoder;
    uint8_t *rgb; /* [height, width, 3] of a grey picture */
};

static int configure(WebPConfig *config, int quality)
{
    if (!WebPConfigInit(config))
        return 0;
    if (quality == 0)
        return WebPConfigLosslessPreset(config, LOSSLESS_EFFORT);
    config->quality = (float)quality;
    config->method = LOSSY_EFFORT;
    return WebPValidateConfig(config);
}

gcl_animation *gcl_animation_begin(const char *path, int width, int height,
                                   const gcl_animation_options *options, gcl_error *err)
{
    WebPAnimEncoderOptions how;
    if (width > GCL_ANIMATION_MOST_PIXELS || height > GCL_ANIMATION_MOST_PIXELS) {
        gcl_fail(err, GCL_USAGE, "%s: %d x %d pixels are too large for WebP (at most %d a side)",
                 path, width, height, GCL_ANIMATION_MOST_PIXELS);
        return NULL;
    }
    gcl_animation *a = gcl_alloc(sizeof *a);
    *a = (gcl_animation){
        .path = gcl_strdup(path), .width = width, .height = height, .fps = options->fps};
    if (WebPAnimEncoderOptionsInit(&how) && configure(&a->config, options->quality))
        a->encoder = WebPAnimEncoderNew(width, height, &how); /* usually it repeats for ever */
    if (a->encoder != NULL)
        return a;
    gcl_fail(err, GCL_MEMORY, "%s: out of host memory for a WebP encoder", path);
    gcl_animation_abandon(a);
    return NULL;
}

void gcl_animation_abandon(gcl_animation *a)
{
    if (a == NULL)
        return;
    WebPAnimEncoderDelete(a->encoder);
    free(a->path);
    free(a->rgb);
    free(a);
}

static int fail(const gcl_animation *a, gcl_error *err)
{
    const char *why = WebPAnimEncoderGetError(a->encoder);
    return gcl_fail(err, GCL_MEMORY, "%s: picture %d cannot be encoded%s%s", a->path, a->frames,
                    why != NULL && why[0] != 0 ? ": " : "", why != NULL ? why : "");
}

/* The millisecond from which frame i is shown. */
static int time_of(const gcl_animation *a, int i) { return (int)lround(1000.0 * i / a->fps); }

/* Grey as three equal colours. */
static const uint8_t *coloured(gcl_animation *a, const uint8_t *grey, gcl_error *err)
{
    size_t n = (size_t)a->width * (size_t)a->height;
    if (a->rgb == NULL)
        a->rgb = gcl_try_alloc(3 * n, "animation's picture", err);
    for (size_t i = 0; a->rgb != NULL && i < n; i++)
        memset(a->rgb + 3 * i, grey[i], 3);
    return a->rgb;
}

int gcl_animation_add(gcl_animation *a, const uint8_t *pixels, int channels, gcl_error *err)
{
    WebPPicture picture;
    if (channels == 1 && (pixels = coloured(a, pixels, err)) == NULL)
        return -1;
    if (!WebPPictureInit(&picture))
        return fail(a, err);
    picture.width = a->width;
    picture.height = a->height;
    picture.use_argb = 1;
    int done = WebPPictureImportRGB(&picture, pixels, 3 * a->width) &&
               WebPAnimEncoderAdd(a->encoder, &picture, time_of(a, a->frames), &a->config);
    WebPPictureFree(&picture);
    if (!done)
        return fail(a, err);
    a->frames++;
    return 0;
}

int gcl_animation_finish(gcl_animation *a, gcl_error *err)
{
    WebPData data;
    WebPDataInit(&data);
    int result;
    if (a->frames == 0)
        result = gcl_fail(err, GCL_USAGE, "%s: an animation without a picture", a->path);
    else if (!WebPAnimEncoderAdd(a->encoder, NULL, time_of(a, a->frames), NULL) ||
             !WebPAnimEncoderAssemble(a->encoder, &data))
        result = fail(a, err);
    else
        result = gcl_file_replace(a->path, data.bytes, data.size, err);
    WebPDataClear(&data);
    gcl_animation_abandon(a);
    return result;
}
