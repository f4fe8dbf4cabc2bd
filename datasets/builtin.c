/* builtin:faces: 100000 cartoon faces that the program draws itself, so that everything trains
 * without a download. As pairs: a line drawing of the face, and the face. Labelled: by the colour of
 * the hair. */
#include <stdlib.h>
#include <string.h>

#include "datasets/faces.h"
#include "datasets/format.h"
#include "io/edges.h"

static const char *const hair_names[HAIR_CLASSES] = {"bald", "black",  "brown", "red",  "blond",
                                                     "grey", "orange", "green", "blue", "pink"};

static bool faces_recognise(const char *spec) { return strcmp(spec, "builtin:faces") == 0; }

static int faces_open(gcl_dataset *dataset, const char *spec, gcl_error *err)
{
    static const char *const what[] = {
        "100000 cartoon faces", "100000 pairs of line drawing and cartoon face",
        "100000 cartoon faces in 10 classes by the colour of the hair"};
    gcl_wanted_kind kind = dataset->options.wanted.kind;
    gcl_text facts = {0};
    if (dataset->options.box.width > 0)
        return gcl_fail(err, GCL_USAGE,
                        "data.box: %s are drawn at the size wanted; leave the box out", spec);
    gcl_text_add(&facts, "%s: %s, drawn as they are needed", spec, what[kind]);
    dataset->facts = facts.text;
    dataset->n_items = GCL_FACES_COUNT;
    dataset->name = gcl_strdup("faces");
    dataset->drawn = true;
    if (kind == GCL_WANT_LABELLED) {
        dataset->class_names = gcl_alloc(HAIR_CLASSES * sizeof *dataset->class_names);
        for (; dataset->n_classes < HAIR_CLASSES; dataset->n_classes++)
            dataset->class_names[dataset->n_classes] = gcl_strdup(hair_names[dataset->n_classes]);
    }
    return 0;
}

static int faces_label(const gcl_dataset *dataset, size_t index)
{
    (void)dataset;
    return (int)gcl_face_hair_class((uint32_t)index);
}

static int faces_load(const gcl_dataset *dataset, size_t index, int side, gcl_item *item,
                      gcl_error *err)
{
    const gcl_dataset_options *o = &dataset->options;
    gcl_image picture, drawing;
    if (side == 0)
        side = o->wanted.size;
    if (gcl_image_new(&picture, side, side, 3, err) != 0)
        return -1;
    int result = gcl_face_render((uint32_t)index, side, picture.pixels, err);
    if (result == 0 && o->wanted.kind == GCL_WANT_PAIRS) {
        result = gcl_edges(&drawing, &picture, err);
        gcl_item_set(item, o->swap ? 1 : 0, &drawing);
    }
    gcl_item_set(item, o->wanted.kind == GCL_WANT_PAIRS && !o->swap ? 1 : 0, &picture);
    if (o->wanted.kind == GCL_WANT_LABELLED)
        item->label = (uint32_t)faces_label(dataset, index);
    return result;
}

static void faces_item_name(const gcl_dataset *dataset, size_t index, gcl_text *name)
{
    (void)dataset;
    gcl_text_add(name, "%zu", index);
}

const gcl_dataset_format gcl_format_faces = {
    .name = "faces",
    .line = "faces: builtin:faces, cartoon faces that the program draws itself; in pairs with line "
            "drawings; in classes by hair",
    .is = "holds pictures",
    .kinds = 1 << GCL_WANT_PICTURES | 1 << GCL_WANT_PAIRS | 1 << GCL_WANT_LABELLED,
    .recognise = faces_recognise,
    .open = faces_open,
    .load = faces_load,
    .label = faces_label,
    .item_name = faces_item_name,
};
