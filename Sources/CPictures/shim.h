// Both libraries' interfaces that report an error by what they return: no longjmp leaves them.
#include <libexif/exif-data.h>
#include <png.h>
#include <turbojpeg.h>
