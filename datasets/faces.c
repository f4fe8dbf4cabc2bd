/* Cartoon faces, rendered when they are wanted. Face i is a pure function of i. */
#include "datasets/faces.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/philox.h"

#define FACES_SEED 0xFACE5

/* One name a draw, so that a face's traits do not depend on each other's order in the code. Their
 * numbers are the faces: a new one goes before T_DETAIL and changes only freckles and curls. */
/* clang-format off */
enum trait {
    T_X, T_Y, T_SCALE, T_TILT, T_GROUND_HUE, T_GROUND_TURN, T_GROUND_SATURATION, T_GROUND_VALUE,
    T_GROUND_STYLE, T_LOOK, T_AGE, T_FANCY, T_SKIN, T_CHEEK, T_JAW, T_CHIN, T_TOP, T_EAR, T_POINTED,
    T_FRECKLES, T_BLUSH, T_MOLE, T_EARRINGS, T_HAIR_COLOUR, T_HAIR_HUE, T_HAIR_STYLE, T_SIDE,
    T_FLUFF, T_EYES, T_IRIS, T_EYE_SIZE, T_EYE_GAP, T_EYE_SLANT, T_GAZE_X, T_GAZE_Y, T_LASHES,
    T_BROW_WIDTH, T_BROW_ANGLE, T_BROW_HEIGHT, T_NOSE, T_NOSE_SIZE, T_MOUTH, T_MOUTH_WIDTH,
    T_LIPS, T_BEARD, T_GLASSES, T_FRAME, T_HAT, T_HAT_COLOUR, T_ACCENT, T_CLOTH, T_CLOTH_HUE,
    T_CLOTH_VALUE, T_DETAIL
};
/* clang-format on */

float gcl_face_draw(const face *f, uint32_t what, uint32_t k)
{
    return (float)gcl_philox_uniform(FACES_SEED, T_DETAIL + what, k, f->index);
}

static float draw(const face *f, enum trait trait)
{
    return (float)gcl_philox_uniform(FACES_SEED, trait, 0, f->index);
}

static float between(const face *f, enum trait trait, float low, float high)
{
    return low + (high - low) * draw(f, trait);
}

static bool chance(const face *f, enum trait trait, float probability)
{
    return draw(f, trait) < probability;
}

/* Which of n things, by their weights. */
static int pick(const face *f, enum trait trait, const float *weights, int n)
{
    float sum = 0;
    for (int i = 0; i < n; i++)
        sum += weights[i];
    float left = draw(f, trait) * sum;
    for (int i = 0; i < n; i++) {
        left -= weights[i];
        if (left < 0)
            return i;
    }
    return n - 1;
}
#define PICK(f, trait, weights) pick(f, trait, weights, (int)(sizeof(weights) / sizeof *(weights)))

/* A colour along a row of colours, t in [0, 1]. */
static gcl_colour along(const gcl_colour *colours, int n, float t)
{
    float at = t * (float)(n - 1);
    int i = at < (float)(n - 2) ? (int)at : n - 2;
    return gcl_colour_mix(colours[i], colours[i + 1], at - (float)i);
}

static void draw_place(face *f)
{
    f->x = between(f, T_X, -0.03f, 0.03f);
    f->y = between(f, T_Y, 0.09f, 0.15f);
    f->scale = between(f, T_SCALE, 1.04f, 1.15f);
    f->tilt = between(f, T_TILT, -0.11f, 0.11f);
}

static void draw_ground(face *f)
{
    static const float styles[] = {40, 20, 12, 10, 8, 10};
    float hue = draw(f, T_GROUND_HUE), turn = between(f, T_GROUND_TURN, -0.14f, 0.14f);
    float saturation = between(f, T_GROUND_SATURATION, 0.28f, 0.72f);
    float value = between(f, T_GROUND_VALUE, 0.78f, 1.0f);
    f->ground[0] = gcl_colour_hsv(hue, saturation * 0.72f, value + (1 - value) * 0.6f);
    f->ground[1] = gcl_colour_hsv(hue + turn, saturation, value * 0.88f);
    f->ground_style = (enum ground_style)PICK(f, T_GROUND_STYLE, styles);
}

static void draw_skin(face *f, bool fancy)
{
    static const gcl_colour natural[] = {
        {1.00f, 0.89f, 0.80f}, {0.99f, 0.82f, 0.69f}, {0.94f, 0.73f, 0.57f}, {0.84f, 0.61f, 0.43f},
        {0.71f, 0.48f, 0.32f}, {0.56f, 0.36f, 0.24f}, {0.41f, 0.26f, 0.18f}};
    static const gcl_colour other[] = {
        {0.62f, 0.88f, 0.62f}, {0.55f, 0.80f, 0.94f}, {0.78f, 0.68f, 0.95f}, {0.98f, 0.66f, 0.78f},
        {0.93f, 0.86f, 0.46f}, {0.47f, 0.84f, 0.80f}, {0.72f, 0.77f, 0.84f}};
    float t = draw(f, T_SKIN);
    f->skin = fancy ? other[(int)(t * 7)] : along(natural, 7, t);
    f->shadow = gcl_colour_shade(f->skin, 0.76f);
    gcl_colour red = {0.80f, 0.22f, 0.27f};
    f->lips = gcl_colour_mix(gcl_colour_shade(f->skin, 0.62f), red, 0.45f);
}

static void draw_head(face *f, float look, bool fancy)
{
    f->cheek = between(f, T_CHEEK, 0.415f, 0.49f);
    f->jaw = f->cheek * between(f, T_JAW, 0.70f, 0.93f) - 0.02f * look;
    f->chin = between(f, T_CHIN, 0.52f, 0.61f);
    f->top = between(f, T_TOP, -0.62f, -0.55f);
    f->ear = between(f, T_EAR, 0.85f, 1.25f);
    f->pointed_ears = chance(f, T_POINTED, fancy ? 0.6f : 0.03f);
}

/* Of t along the natural colours, from black to blond. */
static enum hair_class natural_class(float t)
{
    return t < 0.19f ? HAIR_BLACK : t < 0.44f ? HAIR_BROWN : t < 0.69f ? HAIR_RED : HAIR_BLOND;
}

/* Of a hue in turns. */
static enum hair_class dyed_class(float hue)
{
    return hue < 0.20f   ? HAIR_ORANGE
           : hue < 0.45f ? HAIR_GREEN
           : hue < 0.70f ? HAIR_BLUE
                         : HAIR_PINK;
}

static void draw_hair_colour(face *f, bool fancy, float age)
{
    static const gcl_colour natural[] = {
        {0.11f, 0.09f, 0.10f}, {0.21f, 0.13f, 0.10f}, {0.35f, 0.20f, 0.12f},
        {0.50f, 0.29f, 0.15f}, {0.62f, 0.25f, 0.11f}, {0.82f, 0.42f, 0.14f},
        {0.76f, 0.56f, 0.29f}, {0.92f, 0.77f, 0.43f}, {0.96f, 0.89f, 0.68f}};
    float t = draw(f, T_HAIR_HUE);
    gcl_colour grey = {0.55f, 0.55f, 0.58f}, silver = {0.94f, 0.94f, 0.95f};
    if (age > 0.85f)
        f->hair = gcl_colour_mix(grey, silver, t), f->hair_class = HAIR_GREY;
    else if (chance(f, T_HAIR_COLOUR, fancy ? 0.75f : 0.17f))
        f->hair = gcl_colour_hsv(t, 0.62f, 0.80f), f->hair_class = dyed_class(t);
    else
        f->hair = along(natural, 9, t), f->hair_class = natural_class(t);
    f->brow =
        gcl_colour_mix(gcl_colour_shade(f->hair, 0.62f), gcl_colour_shade(f->skin, 0.35f), 0.35f);
}

/* Hair comes as pairs of a front and a back; `look` moves the weights from short to long styles. */
static void draw_hair(face *f, float look, float age)
{
    static const struct {
        enum hair_front front;
        enum hair_back back;
        float weight, weight_look; /* at look 0 and 1 */
    } styles[] = {
        {FRONT_NONE, BACK_NONE, 6, 0.5f},    {FRONT_BUZZ, BACK_NONE, 9, 1},
        {FRONT_SWOOP, BACK_NONE, 13, 3},     {FRONT_SPIKES, BACK_NONE, 11, 3},
        {FRONT_CURLS, BACK_NONE, 10, 5},     {FRONT_FRINGE, BACK_NONE, 8, 4},
        {FRONT_QUIFF, BACK_NONE, 11, 2},     {FRONT_MOHAWK, BACK_NONE, 5, 3},
        {FRONT_SIDES, BACK_NONE, 5, 0},      {FRONT_CURLS, BACK_AFRO, 6, 8},
        {FRONT_CENTRE, BACK_LONG, 4, 10},    {FRONT_FRINGE, BACK_LONG, 2, 10},
        {FRONT_SWOOP, BACK_WAVY, 2, 11},     {FRONT_CENTRE, BACK_WAVY, 1, 8},
        {FRONT_FRINGE, BACK_BOB, 1, 9},      {FRONT_SWOOP, BACK_BOB, 1, 8},
        {FRONT_CENTRE, BACK_PIGTAILS, 0, 7}, {FRONT_CENTRE, BACK_BRAIDS, 0, 6},
        {FRONT_PULLED, BACK_PONYTAIL, 2, 9}, {FRONT_PULLED, BACK_BUN, 2, 9},
        {FRONT_FRINGE, BACK_BUNS, 0, 7},
    };
    float weights[sizeof styles / sizeof styles[0]];
    for (size_t i = 0; i < sizeof styles / sizeof styles[0]; i++)
        weights[i] = styles[i].weight + (styles[i].weight_look - styles[i].weight) * look;
    if (age > 0.8f)
        weights[8] *= 4;
    int style = PICK(f, T_HAIR_STYLE, weights);
    f->front = styles[style].front;
    f->back = styles[style].back;
    f->side = chance(f, T_SIDE, 0.5f) ? -1 : 1;
    f->fluff = between(f, T_FLUFF, 0.05f, 0.12f);
}

static void draw_eyes(face *f, float look)
{
    static const float styles[] = {34, 30, 10, 14, 8, 4};
    static const gcl_colour irises[] = {
        {0.28f, 0.16f, 0.10f}, {0.42f, 0.26f, 0.13f}, {0.55f, 0.40f, 0.16f}, {0.33f, 0.55f, 0.28f},
        {0.22f, 0.52f, 0.60f}, {0.24f, 0.46f, 0.80f}, {0.45f, 0.52f, 0.60f}, {0.52f, 0.32f, 0.70f}};
    f->eyes = (enum eye_style)PICK(f, T_EYES, styles);
    f->iris = along(irises, 8, draw(f, T_IRIS));
    f->eye_size = between(f, T_EYE_SIZE, 0.88f, 1.16f);
    f->eye_gap = between(f, T_EYE_GAP, 0.165f, 0.20f);
    f->eye_slant = between(f, T_EYE_SLANT, -0.16f, 0.2f);
    f->gaze_x = between(f, T_GAZE_X, -0.30f, 0.30f);
    f->gaze_y = between(f, T_GAZE_Y, -0.15f, 0.22f);
    f->lashes = chance(f, T_LASHES, 0.05f + 0.85f * look);
    f->brow_width = between(f, T_BROW_WIDTH, 0.030f, 0.062f) * (1 - 0.35f * look);
    f->brow_angle = between(f, T_BROW_ANGLE, -0.28f, 0.28f);
    f->brow_height = between(f, T_BROW_HEIGHT, 0.155f, 0.20f);
}

static void draw_features(face *f, float look, float age)
{
    static const float noses[] = {26, 22, 18, 18, 16};
    static const float mouths[] = {22, 16, 10, 8, 7, 10, 5, 6, 4, 12};
    f->nose = (enum nose_style)PICK(f, T_NOSE, noses);
    f->nose_size = between(f, T_NOSE_SIZE, 0.85f, 1.2f);
    f->mouth = (enum mouth_style)PICK(f, T_MOUTH, mouths);
    f->mouth_width = between(f, T_MOUTH_WIDTH, 0.85f, 1.15f);
    if (chance(f, T_LIPS, 0.55f * look))
        f->lips = gcl_colour_hsv(between(f, T_MOUTH_WIDTH, 0.93f, 1.02f), 0.78f, 0.80f);
    float w = 1 - look;
    const float beards[] = {30 + 300 * look, 9 * w, 9 * w, 7 * w, 8 * w, 12 * w, 8 * w, 5 * w};
    f->beard = (enum beard_style)PICK(f, T_BEARD, beards);
    f->freckles = chance(f, T_FRECKLES, 0.16f);
    f->blush = chance(f, T_BLUSH, 0.35f + 0.4f * look);
    f->mole = chance(f, T_MOLE, 0.07f);
    f->wrinkles = age > 0.78f;
}

static void draw_wear(face *f, float look)
{
    static const float glasses[] = {74, 9, 8, 4, 5};
    static const float hats[] = {72, 5, 4, 2, 2, 2, 3, 4, 3, 4, 2};
    static const float cloths[] = {24, 16, 18, 16, 14, 14};
    f->earrings = chance(f, T_EARRINGS, 0.06f + 0.45f * look);
    f->glasses = (enum glasses_style)PICK(f, T_GLASSES, glasses);
    f->frame = chance(f, T_FRAME, 0.45f)
                   ? (gcl_colour){0.13f, 0.13f, 0.16f}
                   : gcl_colour_hsv(between(f, T_FRAME, 0.1f, 2.0f), 0.75f, 0.62f);
    f->hat = (enum hat_style)PICK(f, T_HAT, hats);
    f->hat_colour = gcl_colour_hsv(draw(f, T_HAT_COLOUR), 0.68f, 0.78f);
    f->accent = gcl_colour_hsv(draw(f, T_ACCENT), 0.62f, 0.94f);
    f->cloth = (enum cloth_style)PICK(f, T_CLOTH, cloths);
    f->cloth_colour =
        gcl_colour_hsv(draw(f, T_CLOTH_HUE), 0.55f, between(f, T_CLOTH_VALUE, 0.35f, 0.9f));
}

/* Under a hat that covers the crown, hair lies flat. */
static void make_room_for_hat(face *f)
{
    bool covers =
        f->hat == HAT_BEANIE || f->hat == HAT_CAP || f->hat == HAT_TOP || f->hat == HAT_STRAW;
    if (!covers)
        return;
    if (f->front == FRONT_SPIKES || f->front == FRONT_MOHAWK || f->front == FRONT_QUIFF ||
        f->front == FRONT_CURLS || f->front == FRONT_PULLED)
        f->front = FRONT_SIDES;
    if (f->back == BACK_BUN || f->back == BACK_BUNS)
        f->back = BACK_NONE;
    if (f->back == BACK_PONYTAIL)
        f->back = BACK_LONG;
    f->fluff = 0.05f;
}

static void draw_face(face *f, uint32_t index)
{
    memset(f, 0, sizeof *f);
    f->index = index;
    /* One hidden number makes styles go together, and another one age. */
    float look = draw(f, T_LOOK), age = draw(f, T_AGE);
    bool fancy = chance(f, T_FANCY, 0.14f);
    look = look * look * (3 - 2 * look);
    draw_place(f);
    draw_ground(f);
    draw_skin(f, fancy);
    draw_head(f, look, fancy);
    draw_hair_colour(f, fancy, age);
    draw_hair(f, look, age);
    draw_eyes(f, look);
    draw_features(f, look, age);
    draw_wear(f, look);
    make_room_for_hat(f);
}

static void paint_face(gcl_canvas *canvas, const face *f)
{
    gcl_canvas_place(canvas, 0, 0, 1, 0);
    gcl_face_ground(canvas, f);
    gcl_canvas_place(canvas, f->x, f->y, f->scale, f->tilt);
    gcl_face_hair_back(canvas, f);
    gcl_canvas_place(canvas, 0.5f * f->x, f->y, f->scale, 0.3f * f->tilt);
    gcl_face_clothes(canvas, f);
    gcl_canvas_place(canvas, f->x, f->y, f->scale, f->tilt);
    gcl_face_head(canvas, f);
    gcl_face_beard(canvas, f);
    gcl_face_look(canvas, f);
    gcl_face_moustache(canvas, f);
    gcl_face_hair_front(canvas, f);
    gcl_face_glasses(canvas, f);
    gcl_face_hat(canvas, f);
}

int gcl_face_render(uint32_t index, int size, uint8_t *bytes, gcl_error *err)
{
    gcl_canvas *canvas = gcl_canvas_new(size, err);
    if (canvas == NULL)
        return -1;
    face f;
    draw_face(&f, index);
    paint_face(canvas, &f);
    gcl_canvas_bytes(canvas, bytes);
    gcl_canvas_free(canvas);
    return 0;
}

enum hair_class gcl_face_hair_class(uint32_t index)
{
    face f;
    draw_face(&f, index);
    return f.front == FRONT_NONE && f.back == BACK_NONE ? HAIR_BALD : f.hair_class;
}
