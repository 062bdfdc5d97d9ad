/* The device code, for a compiler: see prelude.h for the three it is written for. The order is that of use.
 */
#include "prelude.h"

#include "arguments.h"

#include "bits.inc.h"
#include "partition.inc.h"
#include "compare.inc.h"
#include "bitonic.inc.h"
#include "histogram.inc.h"
#include "nearest.inc.h"
#include "resize.inc.h"
#include "dct.inc.h"
#include "phash.inc.h"
#include "blocks.inc.h"
#include "render.inc.h"
#include "quality.inc.h"
