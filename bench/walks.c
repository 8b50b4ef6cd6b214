/* Three cross positions along a path, as `walks.py` has them: equity and headroom of every step, brackets by value. */

#include <math.h>
#include <stdint.h>

void bare_walk(int64_t steps, int64_t legs, double cash, const double *marks, const double *sizes, const double *entries,
               int64_t rows, const double *floors, const double *rates, const double *deductions, double *lowest)
{
    double least_equity = INFINITY, least_headroom = INFINITY;
    for (int64_t k = 0; k < steps; k++) {
        double equity = cash, needed = 0.0;
        for (int64_t i = 0; i < legs; i++) {
            const double mark = marks[k * legs + i], value = fabs(sizes[i]) * mark;
            int64_t row = 0;
            while (row + 1 < rows && floors[i * rows + row + 1] < value)
                row++;
            equity += sizes[i] * (mark - entries[i]);
            needed += value * rates[i * rows + row] - deductions[i * rows + row];
        }
        least_equity = fmin(least_equity, equity);
        least_headroom = fmin(least_headroom, equity - needed);
    }
    lowest[0] = least_equity;
    lowest[1] = least_headroom;
}
