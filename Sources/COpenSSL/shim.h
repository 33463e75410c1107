// SHA256_Init and its like are deprecated in favour of EVP, which allocates.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
