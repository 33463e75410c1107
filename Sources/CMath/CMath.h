// The functions of the C library's mathematics that the reference needs, declared by name: no header of the system, so
// that the core also compiles where there is none.
double cos(double);
float cosf(float);
double exp(double);
float expf(float);
double log(double);
float logf(float);
double sin(double);
float sinf(float);
