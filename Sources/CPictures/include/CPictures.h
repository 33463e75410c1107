// What the readers of pictures need of C: libjpeg-turbo's and libexif's own interfaces, which report an error by what they
// return, and libpng's behind one that does too: its longjmp ends in PNG.c.
//
// libpng's simplified interface is not used: it reads as far as the pixels only, and in versions with the first correction
// of CVE-2025-65018 it mixes up the rows of interlaced pictures of 16 bits.
#ifndef CPICTURES_H
#define CPICTURES_H

#include <libexif/exif-data.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <turbojpeg.h>

/// A PNG file, what is known of it, and what is wrong with it.
typedef struct {
  const uint8_t *bytes;
  size_t count;
  /// For fuzzing: CRC-32 and Adler-32 may be wrong.
  bool ignores_checksums;
  /// Set by `pictures_png_header`.
  uint32_t height, width;
  /// Set by `pictures_png_pixels`: where the file ends, and the block of EXIF, 0 bytes if there is none.
  size_t end, exif, exif_count;
  /// Set where a function returns false: libpng's message, or that there was no memory.
  char message[128];
  bool lacks_memory;
} pictures_png;

/// Reads what stands before the pixels. Returns whether it could.
bool pictures_png_header(pictures_png *png);

/// Decodes the file to its last chunk: every CRC-32 must be right. Returns whether it could.
///
/// rgba: (height, width, 4), overwritten: 8 bits in sRGB, colours not multiplied by opacity.
bool pictures_png_pixels(pictures_png *png, uint8_t *rgba);

#endif
