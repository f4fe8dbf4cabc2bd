/* The built-in data set: cartoon faces. What a face is (its traits, drawn at random by its number)
 * and how it is painted (canvas.h) are apart:
 *
 *     faces.c       traits of face i
 *     builtin.c     the format's row
 *     faces_head.c  head, ears, cheeks, beards
 *     faces_look.c  eyes, brows, nose, mouth
 *     faces_hair.c  hair styles
 *     faces_wear.c  background, clothes, glasses, hats, earrings
 *
 * Coordinates are those of an upright head of usual size: its middle near (0, 0), x to the right,
 * y down, eyes at y = 0, chin near 0.55, crown near -0.58. */
#ifndef GCL_DATASETS_FACES_H
#define GCL_DATASETS_FACES_H

#include <stdbool.h>
#include <stdint.h>

#include "datasets/canvas.h"

#define GCL_FACES_COUNT 100000

/* clang-format off */
enum hair_front {
    FRONT_NONE, FRONT_BUZZ, FRONT_SWOOP, FRONT_SPIKES, FRONT_CURLS, FRONT_FRINGE, FRONT_QUIFF,
    FRONT_MOHAWK, FRONT_SIDES, FRONT_CENTRE, FRONT_PULLED
};
enum hair_back {
    BACK_NONE, BACK_LONG, BACK_WAVY, BACK_BOB, BACK_PIGTAILS, BACK_BRAIDS, BACK_PONYTAIL, BACK_AFRO,
    BACK_BUN, BACK_BUNS
};
enum hair_class { /* what builtin:faces is labelled by */
    HAIR_BALD, HAIR_BLACK, HAIR_BROWN, HAIR_RED, HAIR_BLOND, HAIR_GREY, HAIR_ORANGE, HAIR_GREEN,
    HAIR_BLUE, HAIR_PINK, HAIR_CLASSES
};
enum eye_style { EYES_ROUND, EYES_ALMOND, EYES_SLEEPY, EYES_WIDE, EYES_HAPPY, EYES_WINK };
enum nose_style { NOSE_BUTTON, NOSE_HOOK, NOSE_WIDE, NOSE_LONG, NOSE_SMALL };
enum mouth_style {
    MOUTH_SMILE, MOUTH_OPEN, MOUTH_LAUGH, MOUTH_FLAT, MOUTH_SAD, MOUTH_SMIRK, MOUTH_OH, MOUTH_LIPS,
    MOUTH_TONGUE, MOUTH_GRIN
};
enum beard_style {
    BEARD_NONE, BEARD_STUBBLE, BEARD_MOUSTACHE, BEARD_HANDLEBAR, BEARD_GOATEE, BEARD_FULL,
    BEARD_LONG, BEARD_SIDEBURNS
};
enum glasses_style { GLASSES_NONE, GLASSES_ROUND, GLASSES_SQUARE, GLASSES_CAT, GLASSES_SUN };
enum hat_style {
    HAT_NONE, HAT_BEANIE, HAT_CAP, HAT_TOP, HAT_PARTY, HAT_CROWN, HAT_BAND, HAT_BOW, HAT_PHONES,
    HAT_FLOWER, HAT_STRAW
};
enum cloth_style { CLOTH_TEE, CLOTH_STRIPES, CLOTH_HOOD, CLOTH_SHIRT, CLOTH_ROLL, CLOTH_V };
enum ground_style {
    GROUND_PLAIN, GROUND_DISC, GROUND_STRIPES, GROUND_DOTS, GROUND_RAYS, GROUND_BOKEH
};
/* clang-format on */

typedef struct face {
    uint32_t index; /* for details that need many draws: freckles, curls */
    float x, y, scale, tilt;

    gcl_colour ground[2];
    enum ground_style ground_style;

    gcl_colour skin, shadow, lips;
    float cheek, jaw, chin, top; /* half widths; where the crown is */
    float ear;
    bool pointed_ears, freckles, blush, mole, wrinkles, earrings;

    gcl_colour hair;
    enum hair_class hair_class; /* of its colour, even if there is none to see */
    enum hair_front front;
    enum hair_back back;
    float side;  /* -1 or 1: where a parting is */
    float fluff; /* how far the hair stands off */

    enum eye_style eyes;
    gcl_colour iris;
    float eye_size, eye_gap, eye_slant, gaze_x, gaze_y;
    bool lashes;
    gcl_colour brow;
    float brow_width, brow_angle, brow_height;

    enum nose_style nose;
    float nose_size;
    enum mouth_style mouth;
    float mouth_width;
    enum beard_style beard;

    enum glasses_style glasses;
    gcl_colour frame;
    enum hat_style hat;
    gcl_colour hat_colour, accent;
    enum cloth_style cloth;
    gcl_colour cloth_colour;
} face;

/* Face `index` as bytes [size, size, 3]. Errors: GCL_MEMORY. */
int gcl_face_render(uint32_t index, int size, uint8_t *bytes, gcl_error *err);
enum hair_class gcl_face_hair_class(uint32_t index);

/* A number in [0, 1) that belongs to the face: the k-th of detail `what`. */
float gcl_face_draw(const face *f, uint32_t what, uint32_t k);

void gcl_face_ground(gcl_canvas *canvas, const face *f);
void gcl_face_clothes(gcl_canvas *canvas, const face *f);
void gcl_face_hair_back(gcl_canvas *canvas, const face *f);
void gcl_face_head(gcl_canvas *canvas, const face *f);  /* neck, ears, earrings, head */
void gcl_face_beard(gcl_canvas *canvas, const face *f); /* but not the moustache */
void gcl_face_look(gcl_canvas *canvas, const face *f);  /* eyes, brows, nose, mouth */
void gcl_face_moustache(gcl_canvas *canvas, const face *f);
void gcl_face_hair_front(gcl_canvas *canvas, const face *f);
void gcl_face_glasses(gcl_canvas *canvas, const face *f);
void gcl_face_hat(gcl_canvas *canvas, const face *f);

/* The head's outline as the current shape. */
void gcl_face_outline(gcl_canvas *canvas, const face *f);
/* The colour of lines drawn on skin. */
gcl_colour gcl_face_line(const face *f);

#endif
