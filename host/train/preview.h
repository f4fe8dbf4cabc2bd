/* Sample sheets shown in the terminal while it trains.
 *
 *     gcl_preview *preview = gcl_preview_new(GCL_PREVIEW_AUTO);
 *     gcl_preview_show(preview, "runs/x/samples/000500.png", 6);
 *     gcl_preview_free(preview);
 *
 * As wide as the terminal and no higher: sixel graphics scale the whole sheet down, blocks (two pixels a
 * character) show as many of its rows of pictures as have room. Nothing is shown with -q. */
#ifndef GCL_TRAIN_PREVIEW_H
#define GCL_TRAIN_PREVIEW_H

typedef enum gcl_preview_mode {
    GCL_PREVIEW_OFF,
    GCL_PREVIEW_AUTO, /* sixel if the terminal says that it can, else blocks; off where there is none */
    GCL_PREVIEW_SIXEL, /* these two also into a file */
    GCL_PREVIEW_BLOCKS
} gcl_preview_mode;

typedef struct gcl_preview gcl_preview;

/* The mode called "sixel", "blocks", "off" or, for "", AUTO; -1 if there is none. */
int gcl_preview_mode_named(const char *name);
/* May ask the terminal what it can, once. NULL: nothing will be shown. */
gcl_preview *gcl_preview_new(gcl_preview_mode mode);
void gcl_preview_free(gcl_preview *preview); /* NULL is fine */
/* Shows a PNG file on standard error, a sheet of `rows` rows. One that is not there is passed over. NULL
 * for `preview` does nothing. */
void gcl_preview_show(const gcl_preview *preview, const char *path, int rows);

#endif
