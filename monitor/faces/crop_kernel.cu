// One thread an output pixel: NV12 or RGB -> RGB -> area average -> affine warp -> area average -> uint8 NHWC.
//
// The arithmetic is OpenCV's, so that a picture cut on the GPU is the one that `Viewport.render` and `crop_face` cut:
// coordinates in steps of 1/32 of a pixel, bilinear weights as whole numbers, and each stage rounded to 8 bits.
// `monitor/faces/device_crop.py` makes the plans and holds the same arithmetic in NumPy.
// Compile with -fmad=false: a fused multiplication rounds coordinates differently.

struct CropPlan {
    double matrix[6];  // from the output (x, y, 1) to the patch
    int size, oversampling, cubic, replicate;
    int left, top, columns, rows, shrink, quarters;  // the patch: where it lies, and its size before it is turned
    int y_offset, y_scale, red_v, green_u, green_v, blue_u;  // of the conversion, in 1/65536
    int rgb;  // the picture is RGB already: three bytes a pixel, in one plane
};

struct Rgb {
    int r, g, b;
};

__device__ static int clamp_byte(int value) { return value < 0 ? 0 : value > 255 ? 255 : value; }

__device__ static Rgb pixel(const unsigned char *luma, const unsigned char *chroma, int pitch, int x, int y,
                            const CropPlan &plan) {
    if (plan.rgb) {
        const unsigned char *found = luma + (long long)y * pitch + 3LL * x;
        return Rgb{found[0], found[1], found[2]};
    }
    const int base = (luma[(long long)y * pitch + x] - plan.y_offset) * plan.y_scale + 32768;
    const unsigned char *pair = chroma + (long long)(y >> 1) * pitch + (x & ~1);
    const int u = pair[0] - 128, v = pair[1] - 128;
    Rgb out;
    out.r = clamp_byte((base + plan.red_v * v) >> 16);
    out.g = clamp_byte((base + plan.green_u * u + plan.green_v * v) >> 16);
    out.b = clamp_byte((base + plan.blue_u * u) >> 16);
    return out;
}

__device__ static int average(int sum, int side) {
    return side == 2 ? (sum + 2) >> 2 : (int)rintf((float)sum * (1.0f / (float)(side * side)));
}

// A pixel of the patch: averaged down, turned clockwise by quarters; black or the border's pixel beside it.
__device__ static Rgb patch_pixel(const unsigned char *luma, const unsigned char *chroma, int pitch, int x, int y,
                                  const CropPlan &plan) {
    const int odd = plan.quarters & 1;
    const int width = odd ? plan.rows : plan.columns, height = odd ? plan.columns : plan.rows;
    if (x < 0 || y < 0 || x >= width || y >= height) {
        if (!plan.replicate) return Rgb{0, 0, 0};
        x = x < 0 ? 0 : x >= width ? width - 1 : x;
        y = y < 0 ? 0 : y >= height ? height - 1 : y;
    }
    int sx = x, sy = y;
    if (plan.quarters == 1) sx = y, sy = plan.rows - 1 - x;
    if (plan.quarters == 2) sx = plan.columns - 1 - x, sy = plan.rows - 1 - y;
    if (plan.quarters == 3) sx = plan.columns - 1 - y, sy = x;
    const int n = plan.shrink, x0 = plan.left + sx * n, y0 = plan.top + sy * n;
    if (n == 1) return pixel(luma, chroma, pitch, x0, y0, plan);
    Rgb sum{0, 0, 0};
    for (int j = 0; j < n; ++j)
        for (int i = 0; i < n; ++i) {
            const Rgb one = pixel(luma, chroma, pitch, x0 + i, y0 + j, plan);
            sum.r += one.r, sum.g += one.g, sum.b += one.b;
        }
    return Rgb{average(sum.r, n), average(sum.g, n), average(sum.b, n)};
}

__device__ static void cubic_weights(float t, float *weights) {
    const float a = -0.75f;
    weights[0] = ((a * (t + 1.0f) - 5.0f * a) * (t + 1.0f) + 8.0f * a) * (t + 1.0f) - 4.0f * a;
    weights[1] = ((a + 2.0f) * t - (a + 3.0f)) * t * t + 1.0f;
    weights[2] = ((a + 2.0f) * (1.0f - t) - (a + 3.0f)) * (1.0f - t) * (1.0f - t) + 1.0f;
    weights[3] = 1.0f - weights[0] - weights[1] - weights[2];
}

__device__ static Rgb warped(const unsigned char *luma, const unsigned char *chroma, int pitch, int x, int y,
                             const CropPlan &plan) {
    const double *m = plan.matrix;
    const int px = ((int)rint((m[1] * y + m[2]) * 1024.0) + 16 + (int)rint(m[0] * x * 1024.0)) >> 5;
    const int py = ((int)rint((m[4] * y + m[5]) * 1024.0) + 16 + (int)rint(m[3] * x * 1024.0)) >> 5;
    const int sx = px >> 5, sy = py >> 5, fx = px & 31, fy = py & 31;
    if (!plan.cubic) {
        Rgb sum{0, 0, 0};
        for (int j = 0; j < 2; ++j)
            for (int i = 0; i < 2; ++i) {
                const int weight = (i ? fx : 32 - fx) * (j ? fy : 32 - fy);
                const Rgb one = patch_pixel(luma, chroma, pitch, sx + i, sy + j, plan);
                sum.r += weight * one.r, sum.g += weight * one.g, sum.b += weight * one.b;
            }
        return Rgb{(sum.r + 512) >> 10, (sum.g + 512) >> 10, (sum.b + 512) >> 10};
    }
    float across[4], down[4], r = 0.5f, g = 0.5f, b = 0.5f;
    cubic_weights(fx / 32.0f, across);
    cubic_weights(fy / 32.0f, down);
    for (int j = 0; j < 4; ++j)
        for (int i = 0; i < 4; ++i) {
            const float weight = across[i] * down[j];
            const Rgb one = patch_pixel(luma, chroma, pitch, sx + i - 1, sy + j - 1, plan);
            r += weight * one.r, g += weight * one.g, b += weight * one.b;
        }
    return Rgb{clamp_byte((int)floorf(r)), clamp_byte((int)floorf(g)), clamp_byte((int)floorf(b))};
}

// Grid: x and y over the square, z over the plans; `pictures` holds for each plan its luma and its chroma plane, or its
// RGB pixels and nothing.
extern "C" __global__ void crop_squares(const unsigned char *const *pictures, const int *pitches, const CropPlan *plans,
                                     unsigned char *out, int size) {
    const int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    if (x >= size || y >= size) return;
    const CropPlan plan = plans[blockIdx.z];
    const unsigned char *luma = pictures[2 * blockIdx.z], *chroma = pictures[2 * blockIdx.z + 1];
    const int pitch = pitches[blockIdx.z], n = plan.oversampling;
    Rgb value{0, 0, 0};
    if (plan.columns > 0 && plan.rows > 0) {
        for (int j = 0; j < n; ++j)
            for (int i = 0; i < n; ++i) {
                const Rgb one = warped(luma, chroma, pitch, x * n + i, y * n + j, plan);
                value.r += one.r, value.g += one.g, value.b += one.b;
            }
        if (n > 1) value = Rgb{average(value.r, n), average(value.g, n), average(value.b, n)};
    }
    unsigned char *target = out + ((long long)(blockIdx.z * size + y) * size + x) * 3;
    target[0] = (unsigned char)value.r, target[1] = (unsigned char)value.g, target[2] = (unsigned char)value.b;
}
