/* The work of plimsoll.array (draw, correlate, sum up, screen) once more in C, to measure the compiled Python against.
   Lanes of 512 paths, quads of 4 steps, tiles of 16; one pool of m symbols, none of them inverse. Built by monte_carlo.py. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#define LANES 512
#define SPAN (4 * LANES)
#define TILE 16
#define MOST 8
#define ULP 5.9604644775390625e-8f

static inline float as_float(int32_t x) { float y; memcpy(&y, &x, 4); return y; }
static inline int32_t as_bits(float x) { int32_t y; memcpy(&y, &x, 4); return y; }
static inline float least(float a, float b) { return a < b ? a : b; }
static inline float most(float a, float b) { return a > b ? a : b; }

typedef struct {
    uint32_t track[SPAN], words[SPAN];
    float moves[MOST * SPAN], block[TILE * MOST * LANES];
    float low[MOST][LANES], high[MOST][LANES], total[LANES], size[LANES], bound[LANES];
    double base[MOST][LANES];
    int32_t doubt[LANES];
} room;

static inline float radius(uint32_t word) {
    int32_t bits = as_bits((float)word + 0.5f) - (0x3F3504F3 + (32 << 23));
    float e = (float)(bits >> 23), r = as_float((bits & 0x7FFFFF) + 0x3F3504F3) - 1.0f, q = 0.201647579f;
    q = q * r - 0.323610027f;
    q = q * r + 0.344864492f;
    q = q * r - 0.398137663f;
    q = q * r + 0.49942457f;
    q = q * r - 0.666694298f;
    q = q * r + 1.00000647f;
    return sqrtf(e * -1.38629436f + r * (r * q - 2.0f));
}

static inline void normals(uint32_t a, uint32_t b, float *x, float *y) {
    float r = radius(a), t = (float)(int32_t)b * 4.656612873077393e-10f, z = t * t;
    float s = t * (1.570791011f + z * (-0.64589285f + z * (0.0794343447f + z * -0.00433309534f)));
    float c = 0.999999953f + z * (-1.23369822f + z * (0.253650746f + z * (-0.0208106292f + z * 0.000858191365f)));
    *x = r * as_float(as_bits(c) ^ (int32_t)((b << 25) & 0x80000000u));
    *y = r * s;
}

static inline float rise(float x) {
    x = least(most(x, -80.0f), 80.0f);
    float turned = x * 1.44269504f + 12582912.0f, whole = turned - 12582912.0f;
    float r = (x - whole * 0.693359375f) - whole * -2.12194440e-4f;
    float p = r + r * r * (0.499999981f + r * (0.166665432f + r * (0.0416672018f + r * (0.00836658034f + r * 0.00138825101f))));
    float power = as_float((as_bits(turned) - 0x4B400000 + 127) << 23);
    return p * power + (power - 1.0f);
}

static void philox(uint32_t *restrict out, uint32_t first, uint64_t quad, uint64_t call, uint64_t purpose, uint64_t seed) {
    for (int i = 0; i < LANES; i++) {
        uint64_t c0 = first + (uint32_t)i, c1 = quad, c2 = call, c3 = purpose, k0 = seed & 0xFFFFFFFFu, k1 = seed >> 32;
        for (int n = 0; n < 10; n++) {
            uint64_t p0 = (c0 & 0xFFFFFFFFu) * 0xD2511F53u, p1 = (c2 & 0xFFFFFFFFu) * 0xCD9E8D57u;
            c0 = (p1 >> 32) ^ c1 ^ k0;
            c2 = (p0 >> 32) ^ c3 ^ k1;
            c1 = p1;
            c3 = p0;
            k0 = (k0 + 0x9E3779B9u) & 0xFFFFFFFFu;
            k1 = (k1 + 0xBB67AE85u) & 0xFFFFFFFFu;
        }
        out[i] = (uint32_t)c0;
        out[i + LANES] = (uint32_t)c1;
        out[i + 2 * LANES] = (uint32_t)c2;
        out[i + 3 * LANES] = (uint32_t)c3;
    }
}

static void box_muller(float *restrict out, const uint32_t *restrict w) {
    for (int i = 0; i < LANES; i++) {
        normals(w[i], w[i + LANES], &out[i], &out[i + LANES]);
        normals(w[i + 2 * LANES], w[i + 3 * LANES], &out[i + 2 * LANES], &out[i + 3 * LANES]);
    }
}

#define TURN                                                                                                                   \
    { uint32_t t = b << 9; c ^= a; d ^= b; b ^= c; a ^= d; c ^= t; d = (d << 11) | (d >> 21); }

static void xoshiro(float *restrict out, uint32_t *restrict s) {
    for (int i = 0; i < LANES; i++) {
        uint32_t a = s[i], b = s[i + LANES], c = s[i + 2 * LANES], d = s[i + 3 * LANES], w0, w1, w2, w3;
        w0 = a + d; TURN w1 = a + d; TURN w2 = a + d; TURN w3 = a + d; TURN
        s[i] = a; s[i + LANES] = b; s[i + 2 * LANES] = c; s[i + 3 * LANES] = d;
        normals(w0, w1, &out[i], &out[i + LANES]);
        normals(w2, w3, &out[i + 2 * LANES], &out[i + 3 * LANES]);
    }
}

static void add(float *restrict mine, const float *restrict other, float own, float with) {
    for (int i = 0; i < SPAN; i++) mine[i] = own * mine[i] + with * other[i];
}

static void add_two(float *restrict mine, const float *restrict one, const float *restrict two, float a, float b) {
    for (int i = 0; i < SPAN; i++) mine[i] = mine[i] + a * one[i] + b * two[i];
}

static void sum_up(const float *restrict w, float drift, double *restrict base, float *restrict a, float *restrict b,
                   float *restrict c, float *restrict d) {
    for (int i = 0; i < LANES; i++) {
        double before = base[i];
        float start = (float)before, run = w[i] + drift;
        a[i] = start + run;
        run += w[i + LANES] + drift;
        b[i] = start + run;
        run += w[i + 2 * LANES] + drift;
        c[i] = start + run;
        run += w[i + 3 * LANES] + drift;
        d[i] = start + run;
        base[i] = before + (double)run;
    }
}

static void quad(room *o, int kind, int m, uint32_t first, uint32_t number, uint64_t seed, const float *scale,
                 const float *drift, float *out) {
    for (int k = 0; k < m; k++) {
        if (kind) xoshiro(o->moves + k * SPAN, o->track);
        else { philox(o->words, first, number, k, 0, seed); box_muller(o->moves + k * SPAN, o->words); }
    }
    for (int k = m - 1; k >= 0; k--) {
        float *mine = o->moves + k * SPAN, own = scale[k * m + k];
        if (k % 2 == 0) for (int i = 0; i < SPAN; i++) mine[i] *= own;
        else add(mine, mine - SPAN, own, scale[k * m + k - 1]);
        for (int j = 0; j < k - k % 2; j += 2)
            add_two(mine, o->moves + j * SPAN, o->moves + (j + 1) * SPAN, scale[k * m + j], scale[k * m + j + 1]);
    }
    for (int k = 0; k < m; k++) {
        float *row = out + k * LANES;
        int next = m * LANES;
        sum_up(o->moves + k * SPAN, drift[k], o->base[k], row, row + next, row + 2 * next, row + 3 * next);
    }
}

static void extremes(const float *restrict row, int next, float *restrict low, float *restrict high) {
    for (int i = 0; i < LANES; i++) low[i] = high[i] = row[i];
    for (int s = 1; s < TILE; s++) {
        const float *restrict r = row + s * next;
        for (int i = 0; i < LANES; i++) { low[i] = least(low[i], r[i]); high[i] = most(high[i], r[i]); }
    }
}

static void worst(float w, const float *restrict low, const float *restrict high, float *restrict total, float *restrict size) {
    for (int i = 0; i < LANES; i++) {
        float a = w * rise(low[i]), b = w * rise(high[i]);
        total[i] += least(a, b);
        size[i] += most(fabsf(a), fabsf(b));
    }
}

static int lane(const float *block, int m, int i, float slack, const float *weight, float allowance) {
    for (int s = 0; s < TILE; s++) {
        float total = 0, size = 0;
        for (int k = 0; k < m; k++) {
            float term = weight[k] * rise(block[(s * m + k) * LANES + i]);
            total += term;
            size += fabsf(term);
        }
        if (!(slack + total - allowance * (fabsf(slack) + size) > 0)) return s;
    }
    return -1;
}

static void screen(room *o, int m, float slack, const float *weight, int at, int32_t *restrict hit) {
    float allowance = (m + 16) * ULP;
    for (int k = 0; k < m; k++) extremes(o->block + k * LANES, m * LANES, o->low[k], o->high[k]);
    for (int i = 0; i < LANES; i++) o->total[i] = o->size[i] = 0;
    for (int k = 0; k < m; k++) worst(weight[k], o->low[k], o->high[k], o->total, o->size);
    int count = 0;
    for (int i = 0; i < LANES; i++) {
        float x = slack + o->total[i] - allowance * (fabsf(slack) + o->size[i]);
        o->doubt[i] = hit[i] < 0 && !(x > 0);
        count += o->doubt[i];
    }
    if (count)
        for (int i = 0; i < LANES; i++)
            if (o->doubt[i]) {
                int found = lane(o->block, m, i, slack, weight, allowance);
                if (found >= 0) hit[i] = at + found;
            }
}

/* The first step at which each of `paths` (a multiple of 512) fails, -1: none. kind 0: Philox, 1: xoshiro128+. */
void first_hits(int64_t paths, int steps, int m, int kind, uint64_t seed, const float *scale, const float *drift, float slack,
                const float *weight, int32_t *hit) {
    static room o;
    for (int64_t first = 0; first < paths; first += LANES) {
        memset(o.base, 0, sizeof o.base);
        for (int i = 0; i < LANES; i++) hit[first + i] = -1;
        if (kind) philox(o.track, (uint32_t)first, 0, 0, 2, seed);
        for (int at = 0; at < steps; at += TILE) {
            for (int s = 0; s < TILE; s += 4)
                quad(&o, kind, m, (uint32_t)first, (uint32_t)((at + s) / 4), seed, scale, drift, o.block + s * m * LANES);
            screen(&o, m, slack, weight, at, hit + first);
        }
    }
}
