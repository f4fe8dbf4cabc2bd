/* Pictures in a folder, a tar or a zip, whatever the folders below mean. */
#include "datasets/listing.h"

static int folder_open(gcl_dataset *dataset, const char *spec, gcl_error *err)
{
    if (gcl_listing_open(dataset, spec, err) != 0)
        return -1;
    gcl_listing_take_all(dataset);
    gcl_text what = {0};
    gcl_text_add(&what, "%zu pictures", dataset->n_items);
    gcl_listing_set_facts(dataset, what.text);
    gcl_text_free(&what);
    return 0;
}

const gcl_dataset_format gcl_format_folder = {
    .name = "folder",
    .line = "folder: JPEG and PNG pictures in a folder with its subfolders, in a tar or a zip",
    .is = "holds pictures",
    .kinds = 1 << GCL_WANT_PICTURES,
    .recognise = gcl_files_recognise,
    .open = folder_open,
    .close = gcl_listing_close,
    .load = gcl_listing_load,
    .files = gcl_listing_files,
    .item_name = gcl_listing_item_name,
};
