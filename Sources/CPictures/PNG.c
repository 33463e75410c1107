// libpng's full interface (libpng-manual.txt). Nothing outlives a call.

#include "CPictures.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

/// Of one call: the file and how far it has been read.
typedef struct {
  pictures_png *file;
  size_t position;
} reader;

static void fail(png_structp png, png_const_charp message) {
  pictures_png *file = ((reader *)png_get_error_ptr(png))->file;
  strncpy(file->message, message, sizeof file->message - 1);
  png_longjmp(png, 1);
}

/// What libpng only warns of does no harm to the pixels, such as a chunk in the wrong place, or data after the last row.
static void ignore(png_structp png, png_const_charp message) { (void)png, (void)message; }

static png_voidp allocate(png_structp png, png_alloc_size_t size) {
  void *memory = calloc(1, size);
  if (!memory) ((reader *)png_get_mem_ptr(png))->file->lacks_memory = true;
  return memory;
}

static void release(png_structp png, png_voidp memory) {
  (void)png;
  free(memory);
}

static void take(png_structp png, png_bytep bytes, size_t count) {
  reader *from = png_get_io_ptr(png);
  if (count > from->file->count - from->position) png_error(png, "the file ends early");
  memcpy(bytes, from->file->bytes + from->position, count);
  from->position += count;
}

static int is(const char *type, const uint8_t *chunk) { return memcmp(type, chunk + 4, 4) == 0; }

static uint32_t length_of(const uint8_t *chunk) { return png_get_uint_32(chunk); }

/// Where the content of eXIf stands, in a file whose chunks have been read.
static void find_exif(pictures_png *file) {
  enum { SIGNATURE = 8, BEFORE = 8, AROUND = 12 };
  for (size_t at = SIGNATURE; at < file->end; at += AROUND + length_of(file->bytes + at))
    if (is("eXIf", file->bytes + at)) {
      file->exif = at + BEFORE;
      file->exif_count = length_of(file->bytes + at);
    }
}

/// All but what the pixels need is passed over: profiles and texts, which may be large or odd, with their CRC-32 alone.
static void set_strictness(png_structp png, bool ignores_checksums) {
  static const png_byte wanted[] = "gAMA\0sRGB";
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_AS_DEFAULT, wanted, 2);
  // The caller judges the size: libpng's own limit would be called damage.
  png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  int action = ignores_checksums ? PNG_CRC_QUIET_USE : PNG_CRC_ERROR_QUIT;
  png_set_crc_action(png, action, action);
  png_set_option(png, PNG_IGNORE_ADLER32, ignores_checksums);
}

static void read_pixels(png_structp png, png_infop info, uint8_t *rgba, const pictures_png *file) {
  png_set_expand(png);
  png_set_scale_16(png);
  png_set_gray_to_rgb(png);
  png_set_add_alpha(png, 255, PNG_FILLER_AFTER);
  // To sRGB, for which it is taken without a gamma of its own.
  png_set_alpha_mode(png, PNG_ALPHA_PNG, PNG_DEFAULT_sRGB);
  int passes = png_set_interlace_handling(png);
  png_read_update_info(png, info);
  size_t stride = 4 * (size_t)file->width;
  if (png_get_rowbytes(png, info) != stride) png_error(png, "rows of another length");
  // Each pass of an interlaced picture adds to the rows of those before.
  for (int pass = 0; pass < passes; pass++)
    for (uint32_t y = 0; y < file->height; y++) png_read_row(png, rgba + y * stride, NULL);
  png_read_end(png, NULL);
}

/// Reads the header; the pixels too, if there is room for them.
static bool read(pictures_png *file, uint8_t *rgba) {
  reader from = {.file = file};
  png_structp png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &from, fail, ignore, &from, allocate, release);
  if (!png) return false;
  // Written before setjmp, so that it has its value after longjmp; without memory it is null, and so is refused below.
  png_infop info = png_create_info_struct(png);
  if (setjmp(png_jmpbuf(png))) {
    png_destroy_read_struct(&png, &info, NULL);
    return false;
  }
  if (!info) png_error(png, "no memory");
  png_set_read_fn(png, &from, take);
  set_strictness(png, file->ignores_checksums);
  png_read_info(png, info);
  if (rgba) {
    read_pixels(png, info, rgba, file);
    file->end = from.position;
    find_exif(file);
  } else {
    file->height = png_get_image_height(png, info);
    file->width = png_get_image_width(png, info);
  }
  png_destroy_read_struct(&png, &info, NULL);
  return true;
}

bool pictures_png_header(pictures_png *png) { return read(png, NULL); }

bool pictures_png_pixels(pictures_png *png, uint8_t *rgba) { return read(png, rgba); }
