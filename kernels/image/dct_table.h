/*
 * Twiddle factors of pocketfft's cosine transform, written by tests/golden/dct_table.c; do not edit.
 */
#ifndef DG_IMAGE_DCT_TABLE_H
#define DG_IMAGE_DCT_TABLE_H

typedef struct dct_twiddle {
    double re, im;
} dct_twiddle;

static const dct_twiddle unit_8[] = {
    {0x1p+0, 0x0p+0},
    {0x1.6a09e667f3bccp-1, 0x1.6a09e667f3bcdp-1},
    {-0x0p+0, 0x1p+0},
    {-0x1.6a09e667f3bcdp-1, 0x1.6a09e667f3bccp-1},
};

static const double quarter_8[] = {
    0x1.f6297cff75cbp-1,  0x1.d906bcf328d46p-1, 0x1.a9b66290ea1a3p-1, 0x1.6a09e667f3bccp-1,
    0x1.1c73b39ae68c8p-1, 0x1.87de2a6aea963p-2, 0x1.8f8b83c69a60ap-3,
};

static const dct_twiddle unit_16[] = {
    {0x1p+0, 0x0p+0},
    {0x1.d906bcf328d46p-1, 0x1.87de2a6aea963p-2},
    {0x1.6a09e667f3bccp-1, 0x1.6a09e667f3bcdp-1},
    {0x1.87de2a6aea963p-2, 0x1.d906bcf328d46p-1},
    {-0x0p+0, 0x1p+0},
    {-0x1.87de2a6aea963p-2, 0x1.d906bcf328d46p-1},
    {-0x1.6a09e667f3bcdp-1, 0x1.6a09e667f3bccp-1},
    {-0x1.d906bcf328d46p-1, 0x1.87de2a6aea963p-2},
};

static const double quarter_16[] = {
    0x1.fd88da3d12526p-1, 0x1.f6297cff75cbp-1,  0x1.e9f4156c62ddap-1, 0x1.d906bcf328d46p-1,
    0x1.c38b2f180bdb1p-1, 0x1.a9b66290ea1a3p-1, 0x1.8bc806b151741p-1, 0x1.6a09e667f3bccp-1,
    0x1.44cf325091dd6p-1, 0x1.1c73b39ae68c8p-1, 0x1.e2b5d3806f639p-2, 0x1.87de2a6aea961p-2,
    0x1.294062ed59f04p-2, 0x1.8f8b83c69a60ap-3, 0x1.917a6bc29b424p-4,
};

static const dct_twiddle unit_32[] = {
    {0x1p+0, 0x0p+0},
    {0x1.f6297cff75cbp-1, 0x1.8f8b83c69a60ap-3},
    {0x1.d906bcf328d46p-1, 0x1.87de2a6aea963p-2},
    {0x1.a9b66290ea1a3p-1, 0x1.1c73b39ae68c8p-1},
    {0x1.6a09e667f3bccp-1, 0x1.6a09e667f3bcdp-1},
    {0x1.1c73b39ae68c8p-1, 0x1.a9b66290ea1a3p-1},
    {0x1.87de2a6aea963p-2, 0x1.d906bcf328d46p-1},
    {0x1.8f8b83c69a60ap-3, 0x1.f6297cff75cbp-1},
    {-0x0p+0, 0x1p+0},
    {-0x1.8f8b83c69a60ap-3, 0x1.f6297cff75cbp-1},
    {-0x1.87de2a6aea963p-2, 0x1.d906bcf328d46p-1},
    {-0x1.1c73b39ae68c8p-1, 0x1.a9b66290ea1a3p-1},
    {-0x1.6a09e667f3bcdp-1, 0x1.6a09e667f3bccp-1},
    {-0x1.a9b66290ea1a3p-1, 0x1.1c73b39ae68c8p-1},
    {-0x1.d906bcf328d46p-1, 0x1.87de2a6aea963p-2},
    {-0x1.f6297cff75cbp-1, 0x1.8f8b83c69a60ap-3},
};

static const double quarter_32[] = {
    0x1.ff621e3796d7ep-1, 0x1.fd88da3d12526p-1, 0x1.fa7557f08a517p-1, 0x1.f6297cff75cbp-1,
    0x1.f0a7efb9230d7p-1, 0x1.e9f4156c62ddap-1, 0x1.e212104f686e5p-1, 0x1.d906bcf328d46p-1,
    0x1.ced7af43cc773p-1, 0x1.c38b2f180bdb1p-1, 0x1.b728345196e3ep-1, 0x1.a9b66290ea1a3p-1,
    0x1.9b3e047f38741p-1, 0x1.8bc806b151741p-1, 0x1.7b5df226aafafp-1, 0x1.6a09e667f3bccp-1,
    0x1.57d69348cec9fp-1, 0x1.44cf325091dd6p-1, 0x1.30ff7fce17034p-1, 0x1.1c73b39ae68c8p-1,
    0x1.073879922ffedp-1, 0x1.e2b5d3806f639p-2, 0x1.b5d1009e15cbfp-2, 0x1.87de2a6aea961p-2,
    0x1.58f9a75ab1fdbp-2, 0x1.294062ed59f04p-2, 0x1.f19f97b215f1cp-3, 0x1.8f8b83c69a60ap-3,
    0x1.2c8106e8e6136p-3, 0x1.917a6bc29b424p-4, 0x1.91f65f10dd81p-5,
};

static const dct_twiddle unit_64[] = {
    {0x1p+0, 0x0p+0},
    {0x1.fd88da3d12526p-1, 0x1.917a6bc29b42cp-4},
    {0x1.f6297cff75cbp-1, 0x1.8f8b83c69a60ap-3},
    {0x1.e9f4156c62ddap-1, 0x1.294062ed59f05p-2},
    {0x1.d906bcf328d46p-1, 0x1.87de2a6aea963p-2},
    {0x1.c38b2f180bdb1p-1, 0x1.e2b5d3806f63bp-2},
    {0x1.a9b66290ea1a3p-1, 0x1.1c73b39ae68c8p-1},
    {0x1.8bc806b151741p-1, 0x1.44cf325091dd6p-1},
    {0x1.6a09e667f3bccp-1, 0x1.6a09e667f3bcdp-1},
    {0x1.44cf325091dd6p-1, 0x1.8bc806b151741p-1},
    {0x1.1c73b39ae68c8p-1, 0x1.a9b66290ea1a3p-1},
    {0x1.e2b5d3806f639p-2, 0x1.c38b2f180bdbp-1},
    {0x1.87de2a6aea961p-2, 0x1.d906bcf328d46p-1},
    {0x1.294062ed59f04p-2, 0x1.e9f4156c62ddap-1},
    {0x1.8f8b83c69a60ap-3, 0x1.f6297cff75cbp-1},
    {0x1.917a6bc29b424p-4, 0x1.fd88da3d12526p-1},
    {-0x0p+0, 0x1p+0},
    {-0x1.917a6bc29b42cp-4, 0x1.fd88da3d12526p-1},
    {-0x1.8f8b83c69a60ap-3, 0x1.f6297cff75cbp-1},
    {-0x1.294062ed59f05p-2, 0x1.e9f4156c62ddap-1},
    {-0x1.87de2a6aea963p-2, 0x1.d906bcf328d46p-1},
    {-0x1.e2b5d3806f63bp-2, 0x1.c38b2f180bdb1p-1},
    {-0x1.1c73b39ae68c8p-1, 0x1.a9b66290ea1a3p-1},
    {-0x1.44cf325091dd6p-1, 0x1.8bc806b151741p-1},
    {-0x1.6a09e667f3bcdp-1, 0x1.6a09e667f3bccp-1},
    {-0x1.8bc806b151741p-1, 0x1.44cf325091dd6p-1},
    {-0x1.a9b66290ea1a3p-1, 0x1.1c73b39ae68c8p-1},
    {-0x1.c38b2f180bdbp-1, 0x1.e2b5d3806f639p-2},
    {-0x1.d906bcf328d46p-1, 0x1.87de2a6aea961p-2},
    {-0x1.e9f4156c62ddap-1, 0x1.294062ed59f04p-2},
    {-0x1.f6297cff75cbp-1, 0x1.8f8b83c69a60ap-3},
    {-0x1.fd88da3d12526p-1, 0x1.917a6bc29b424p-4},
};

static const double quarter_64[] = {
    0x1.ffd886084cd0dp-1, 0x1.ff621e3796d7ep-1, 0x1.fe9cdad01883ap-1, 0x1.fd88da3d12526p-1,
    0x1.fc26470e19fd3p-1, 0x1.fa7557f08a517p-1, 0x1.f8764fa714ba9p-1, 0x1.f6297cff75cbp-1,
    0x1.f38f3ac64e589p-1, 0x1.f0a7efb9230d7p-1, 0x1.ed740e7684963p-1, 0x1.e9f4156c62ddap-1,
    0x1.e6288ec48e112p-1, 0x1.e212104f686e5p-1, 0x1.ddb13b6ccc23dp-1, 0x1.d906bcf328d46p-1,
    0x1.d4134d14dc93ap-1, 0x1.ced7af43cc773p-1, 0x1.c954b213411f4p-1, 0x1.c38b2f180bdb1p-1,
    0x1.bd7c0ac6f9529p-1, 0x1.b728345196e3ep-1, 0x1.b090a581501ffp-1, 0x1.a9b66290ea1a2p-1,
    0x1.a29a7a0462782p-1, 0x1.9b3e047f3874p-1,  0x1.93a22499263fbp-1, 0x1.8bc806b151741p-1,
    0x1.83b0e0bff976ep-1, 0x1.7b5df226aafaep-1, 0x1.72d0837efff97p-1, 0x1.6a09e667f3bccp-1,
    0x1.610b7551d2cdep-1, 0x1.57d69348cec9fp-1, 0x1.4e6cabbe3e5e9p-1, 0x1.44cf325091dd6p-1,
    0x1.3affa292050b9p-1, 0x1.30ff7fce17034p-1, 0x1.26d054cdd12dep-1, 0x1.1c73b39ae68c8p-1,
    0x1.11eb3541b4b22p-1, 0x1.073879922ffedp-1, 0x1.f8ba4dbf89abap-2, 0x1.e2b5d3806f639p-2,
    0x1.cc66e9931c45ep-2, 0x1.b5d1009e15cbfp-2, 0x1.9ef7943a8ed8ap-2, 0x1.87de2a6aea963p-2,
    0x1.7088530fa459fp-2, 0x1.58f9a75ab1fddp-2, 0x1.4135c94176602p-2, 0x1.294062ed59f06p-2,
    0x1.111d262b1f678p-2, 0x1.f19f97b215f1cp-3, 0x1.c0b826a7e4f63p-3, 0x1.8f8b83c69a60bp-3,
    0x1.5e214448b3fc8p-3, 0x1.2c8106e8e613ap-3, 0x1.f564e56a9731p-4,  0x1.917a6bc29b42cp-4,
    0x1.2d52092ce19f4p-4, 0x1.91f65f10dd818p-5, 0x1.92155f7a3669p-6,
};

static const dct_twiddle unit_128[] = {
    {0x1p+0, 0x0p+0},
    {0x1.ff621e3796d7ep-1, 0x1.91f65f10dd814p-5},
    {0x1.fd88da3d12526p-1, 0x1.917a6bc29b42cp-4},
    {0x1.fa7557f08a517p-1, 0x1.2c8106e8e613ap-3},
    {0x1.f6297cff75cbp-1, 0x1.8f8b83c69a60ap-3},
    {0x1.f0a7efb9230d7p-1, 0x1.f19f97b215f1ap-3},
    {0x1.e9f4156c62ddap-1, 0x1.294062ed59f05p-2},
    {0x1.e212104f686e5p-1, 0x1.58f9a75ab1fddp-2},
    {0x1.d906bcf328d46p-1, 0x1.87de2a6aea963p-2},
    {0x1.ced7af43cc773p-1, 0x1.b5d1009e15ccp-2},
    {0x1.c38b2f180bdb1p-1, 0x1.e2b5d3806f63bp-2},
    {0x1.b728345196e3ep-1, 0x1.073879922ffedp-1},
    {0x1.a9b66290ea1a3p-1, 0x1.1c73b39ae68c8p-1},
    {0x1.9b3e047f38741p-1, 0x1.30ff7fce17035p-1},
    {0x1.8bc806b151741p-1, 0x1.44cf325091dd6p-1},
    {0x1.7b5df226aafafp-1, 0x1.57d69348cec9fp-1},
    {0x1.6a09e667f3bccp-1, 0x1.6a09e667f3bcdp-1},
    {0x1.57d69348cec9fp-1, 0x1.7b5df226aafbp-1},
    {0x1.44cf325091dd6p-1, 0x1.8bc806b151741p-1},
    {0x1.30ff7fce17034p-1, 0x1.9b3e047f38741p-1},
    {0x1.1c73b39ae68c8p-1, 0x1.a9b66290ea1a3p-1},
    {0x1.073879922ffedp-1, 0x1.b728345196e3ep-1},
    {0x1.e2b5d3806f639p-2, 0x1.c38b2f180bdbp-1},
    {0x1.b5d1009e15cbfp-2, 0x1.ced7af43cc773p-1},
    {0x1.87de2a6aea961p-2, 0x1.d906bcf328d46p-1},
    {0x1.58f9a75ab1fdbp-2, 0x1.e212104f686e5p-1},
    {0x1.294062ed59f04p-2, 0x1.e9f4156c62ddap-1},
    {0x1.f19f97b215f1cp-3, 0x1.f0a7efb9230d8p-1},
    {0x1.8f8b83c69a60ap-3, 0x1.f6297cff75cbp-1},
    {0x1.2c8106e8e6136p-3, 0x1.fa7557f08a517p-1},
    {0x1.917a6bc29b424p-4, 0x1.fd88da3d12526p-1},
    {0x1.91f65f10dd81p-5, 0x1.ff621e3796d7ep-1},
    {-0x0p+0, 0x1p+0},
    {-0x1.91f65f10dd814p-5, 0x1.ff621e3796d7ep-1},
    {-0x1.917a6bc29b42cp-4, 0x1.fd88da3d12526p-1},
    {-0x1.2c8106e8e613ap-3, 0x1.fa7557f08a517p-1},
    {-0x1.8f8b83c69a60ap-3, 0x1.f6297cff75cbp-1},
    {-0x1.f19f97b215f1ap-3, 0x1.f0a7efb9230d7p-1},
    {-0x1.294062ed59f05p-2, 0x1.e9f4156c62ddap-1},
    {-0x1.58f9a75ab1fddp-2, 0x1.e212104f686e5p-1},
    {-0x1.87de2a6aea963p-2, 0x1.d906bcf328d46p-1},
    {-0x1.b5d1009e15ccp-2, 0x1.ced7af43cc773p-1},
    {-0x1.e2b5d3806f63bp-2, 0x1.c38b2f180bdb1p-1},
    {-0x1.073879922ffedp-1, 0x1.b728345196e3ep-1},
    {-0x1.1c73b39ae68c8p-1, 0x1.a9b66290ea1a3p-1},
    {-0x1.30ff7fce17035p-1, 0x1.9b3e047f38741p-1},
    {-0x1.44cf325091dd6p-1, 0x1.8bc806b151741p-1},
    {-0x1.57d69348cec9fp-1, 0x1.7b5df226aafafp-1},
    {-0x1.6a09e667f3bcdp-1, 0x1.6a09e667f3bccp-1},
    {-0x1.7b5df226aafbp-1, 0x1.57d69348cec9fp-1},
    {-0x1.8bc806b151741p-1, 0x1.44cf325091dd6p-1},
    {-0x1.9b3e047f38741p-1, 0x1.30ff7fce17034p-1},
    {-0x1.a9b66290ea1a3p-1, 0x1.1c73b39ae68c8p-1},
    {-0x1.b728345196e3ep-1, 0x1.073879922ffedp-1},
    {-0x1.c38b2f180bdbp-1, 0x1.e2b5d3806f639p-2},
    {-0x1.ced7af43cc773p-1, 0x1.b5d1009e15cbfp-2},
    {-0x1.d906bcf328d46p-1, 0x1.87de2a6aea961p-2},
    {-0x1.e212104f686e5p-1, 0x1.58f9a75ab1fdbp-2},
    {-0x1.e9f4156c62ddap-1, 0x1.294062ed59f04p-2},
    {-0x1.f0a7efb9230d8p-1, 0x1.f19f97b215f1cp-3},
    {-0x1.f6297cff75cbp-1, 0x1.8f8b83c69a60ap-3},
    {-0x1.fa7557f08a517p-1, 0x1.2c8106e8e6136p-3},
    {-0x1.fd88da3d12526p-1, 0x1.917a6bc29b424p-4},
    {-0x1.ff621e3796d7ep-1, 0x1.91f65f10dd81p-5},
};

static const double quarter_128[] = {
    0x1.fff62169b92dbp-1, 0x1.ffd886084cd0dp-1, 0x1.ffa72effef75dp-1, 0x1.ff621e3796d7ep-1,
    0x1.ff095658e71adp-1, 0x1.fe9cdad01883ap-1, 0x1.fe1cafcbd5b09p-1, 0x1.fd88da3d12526p-1,
    0x1.fce15fd6da67bp-1, 0x1.fc26470e19fd3p-1, 0x1.fb5797195d741p-1, 0x1.fa7557f08a517p-1,
    0x1.f97f924c9099bp-1, 0x1.f8764fa714ba9p-1, 0x1.f7599a3a12077p-1, 0x1.f6297cff75cbp-1,
    0x1.f4e603b0b2f2dp-1, 0x1.f38f3ac64e589p-1, 0x1.f2252f7763adap-1, 0x1.f0a7efb9230d7p-1,
    0x1.ef178a3e473c2p-1, 0x1.ed740e7684963p-1, 0x1.ebbd8c8df0b74p-1, 0x1.e9f4156c62ddap-1,
    0x1.e817bab4cd10dp-1, 0x1.e6288ec48e112p-1, 0x1.e426a4b2bc17ep-1, 0x1.e212104f686e5p-1,
    0x1.dfeae622dbe2bp-1, 0x1.ddb13b6ccc23dp-1, 0x1.db6526238a09bp-1, 0x1.d906bcf328d46p-1,
    0x1.d696173c9e68ap-1, 0x1.d4134d14dc93ap-1, 0x1.d17e7743e35ddp-1, 0x1.ced7af43cc773p-1,
    0x1.cc1f0f3fcfc5cp-1, 0x1.c954b213411f4p-1, 0x1.c678b3488739bp-1, 0x1.c38b2f180bdb1p-1,
    0x1.c08c426725549p-1, 0x1.bd7c0ac6f9529p-1, 0x1.ba5aa673590d2p-1, 0x1.b728345196e3ep-1,
    0x1.b3e4d3ef55712p-1, 0x1.b090a581501ffp-1, 0x1.ad2bc9e21d51p-1,  0x1.a9b66290ea1a2p-1,
    0x1.a63091b02fae2p-1, 0x1.a29a7a0462782p-1, 0x1.9ef43ef29af94p-1, 0x1.9b3e047f3874p-1,
    0x1.9777ef4c7d741p-1, 0x1.93a22499263fbp-1, 0x1.8fbcca3ef940dp-1, 0x1.8bc806b151741p-1,
    0x1.87c400fba2ebfp-1, 0x1.83b0e0bff976ep-1, 0x1.7f8ece357177p-1,  0x1.7b5df226aafaep-1,
    0x1.771e75f037261p-1, 0x1.72d0837efff97p-1, 0x1.6e74454eaa8aep-1, 0x1.6a09e667f3bccp-1,
    0x1.6591925f0783cp-1, 0x1.610b7551d2cdep-1, 0x1.5c77bbe65018cp-1, 0x1.57d69348cec9fp-1,
    0x1.5328292a35595p-1, 0x1.4e6cabbe3e5e9p-1, 0x1.49a449b9b0938p-1, 0x1.44cf325091dd6p-1,
    0x1.3fed9534556d4p-1, 0x1.3affa292050b9p-1, 0x1.36058b10659f2p-1, 0x1.30ff7fce17034p-1,
    0x1.2bedb25faf3eap-1, 0x1.26d054cdd12dep-1, 0x1.21a799933eb58p-1, 0x1.1c73b39ae68c8p-1,
    0x1.1734d63dedb48p-1, 0x1.11eb3541b4b22p-1, 0x1.0c9704d5d898ep-1, 0x1.073879922ffedp-1,
    0x1.01cfc874c3eb6p-1, 0x1.f8ba4dbf89abap-2, 0x1.edc1952ef78d4p-2, 0x1.e2b5d3806f639p-2,
    0x1.d79775b86e389p-2, 0x1.cc66e9931c45ep-2, 0x1.c1249d8011ee5p-2, 0x1.b5d1009e15cbfp-2,
    0x1.aa6c82b6d3fc8p-2, 0x1.9ef7943a8ed8ap-2, 0x1.9372a63bc93d7p-2, 0x1.87de2a6aea963p-2,
    0x1.7c3a9311dcce7p-2, 0x1.7088530fa459fp-2, 0x1.64c7ddd3f27c6p-2, 0x1.58f9a75ab1fddp-2,
    0x1.4d1e24278e76ap-2, 0x1.4135c94176602p-2, 0x1.35410c2e18152p-2, 0x1.294062ed59f06p-2,
    0x1.1d3443f4cdb3ep-2, 0x1.111d262b1f678p-2, 0x1.04fb80e37fdaep-2, 0x1.f19f97b215f1cp-3,
    0x1.d934fe5454311p-3, 0x1.c0b826a7e4f63p-3, 0x1.a82a025b00451p-3, 0x1.8f8b83c69a60bp-3,
    0x1.76dd9de50bf31p-3, 0x1.5e214448b3fc8p-3, 0x1.45576b1293e5bp-3, 0x1.2c8106e8e613ap-3,
    0x1.139f0cedaf576p-3, 0x1.f564e56a9731p-4,  0x1.c3785c79ec2d8p-4, 0x1.917a6bc29b42cp-4,
    0x1.5f6d00a9aa418p-4, 0x1.2d52092ce19f4p-4, 0x1.f656e79f820ep-5,  0x1.91f65f10dd818p-5,
    0x1.2d865759455dp-5,  0x1.92155f7a3669p-6,  0x1.921d1fcdec7ap-7,
};

/* unit[k] = E_n(k) for k < n/2; quarter[i] = real part of E_4n(i + 1) for i < n - 1. */
static const struct dct_table {
    int n;
    const dct_twiddle *unit;
    const double *quarter;
} dct_tables[] = {
    {8, unit_8, quarter_8},    {16, unit_16, quarter_16},    {32, unit_32, quarter_32},
    {64, unit_64, quarter_64}, {128, unit_128, quarter_128},
};

#endif
