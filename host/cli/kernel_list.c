#include "cli/kernel_list.h"

#include <stdio.h>
#include <string.h>

void gcl_kernel_list_start(gcl_kernel_list *list)
{
    list->programs = json_array();
    list->places = json_object();
}

json_t *gcl_kernel_list_finish(gcl_kernel_list *list)
{
    json_t *programs = list->programs;
    json_decref(list->places);
    *list = (gcl_kernel_list){NULL, NULL};
    return programs;
}

/* The program's entry, made at the first call. */
static json_t *entry_of(gcl_kernel_list *list, const gcl_program *program)
{
    char address[32];
    snprintf(address, sizeof address, "%p", (const void *)program);
    const json_t *place = json_object_get(list->places, address);
    if (place != NULL)
        return json_array_get(list->programs, (size_t)json_integer_value(place));
    json_object_set_new(list->places, address,
                        json_integer((json_int_t)json_array_size(list->programs)));
    json_t *entry = json_pack("{s:s, s:s, s:s, s:{}, s:{}}", "file", gcl_program_name(program),
                              "options", gcl_program_options(program), "source",
                              gcl_program_source(program), "kernels", "uses");
    json_array_append_new(list->programs, entry);
    return entry;
}

/* Adds a word to the set object[key], an array without doubles in the order of arrival. */
static void add_word(json_t *object, const char *key, const char *word)
{
    json_t *set = json_object_get(object, key), *known;
    size_t i;
    if (set == NULL) {
        set = json_array();
        json_object_set_new(object, key, set);
    }
    json_array_foreach(set, i, known) if (strcmp(json_string_value(known), word) == 0) return;
    json_array_append_new(set, json_string(word));
}

/* object[key], an empty object at the first call. */
static json_t *object_in(json_t *object, const char *key)
{
    json_t *inner = json_object_get(object, key);
    if (inner == NULL) {
        inner = json_object();
        json_object_set_new(object, key, inner);
    }
    return inner;
}

typedef struct why {
    const char *kind, *role, *name;
} why;

static void add(gcl_kernel_list *list, const gcl_program *program, const char *kernel,
                const char *group, const why *because)
{
    json_t *entry = entry_of(list, program);
    json_t *of_kernel = object_in(json_object_get(entry, "kernels"), kernel);
    add_word(of_kernel, "groups", group);
    add_word(of_kernel, "kinds", because->kind);
    add_word(json_object_get(entry, "uses"), because->role, because->name);
}

void gcl_kernel_list_add(gcl_kernel_list *list, const gcl_bound *bound, const char *kind,
                         const char *role, const char *name)
{
    char group[80] = "driver";
    if (gcl_bound_program(bound) == NULL)
        return;
    const size_t *local = gcl_bound_local(bound);
    if (local[0] != 0)
        snprintf(group, sizeof group, "%zux%zux%zu", local[0], local[1], local[2]);
    add(list, gcl_bound_program(bound), gcl_bound_entry(bound), group, &(why){kind, role, name});
}

void gcl_kernel_list_add_kernel(gcl_kernel_list *list, const gcl_program *program,
                                const char *kernel, const char *role)
{
    add(list, program, kernel, "driver", &(why){role, role, role});
}
