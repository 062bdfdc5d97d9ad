/*
 * Numbers and sequences as JSON writes them: rounded as strtod rounds them, in any locale; errors give the
 * byte at which they are.
 */
#include "../../kernels/image/number.h"
#include "../../kernels/image/sequence.h"
#include "dg_test.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>

static uint64_t seed = 1;

static uint64_t any(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static void check(const char *text)
{
    double number, expected = strtod(text, NULL);
    size_t length = dg_number_read(text, strlen(text), &number);
    if (length != strlen(text) || memcmp(&number, &expected, sizeof number) != 0)
        fail_msg("%s is %a, not %a (%zu bytes)", text, number, expected, length);
}

static void numbers_are_rounded_correctly(void **state)
{
    (void)state;
    char text[2000];
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = any();
        double number;
        memcpy(&number, &bits, sizeof number);
        if (!isfinite(number)) continue;
        snprintf(text, sizeof text, "%.*e", (int)(any() % 25), number);
        check(text);
        snprintf(text, sizeof text, "%.*f", (int)(any() % 20),
                 (double)(int64_t)any() / (double)(any() >> 20));
        check(text);
    }
    for (int i = 0; i < 5000; i++) { /* half-way between two numbers, and a little off */
        double number = ldexp((double)(any() >> 11), (int)(any() % 1800) - 900);
        long double between = (long double)number + ((long double)nextafter(number, INFINITY) - number) / 2;
        snprintf(text, sizeof text, "%.*Le", (int)(any() % 900), between);
        check(text);
    }
    for (int i = 0; i < 2000; i++) {
        int digits = 1 + (int)(any() % 1000);
        for (int k = 0; k < digits; k++) text[k] = (char)('0' + any() % 10);
        if (text[0] == '0') text[0] = '1';
        snprintf(text + digits, 60, ".%llue%d", (unsigned long long)any(),
                 (int)(any() % 700) - 350 - digits / 2);
        check(text);
    }
}

static void hard_numbers(void **state)
{
    (void)state;
    static const char *const texts[] = {"0",
                                        "-0",
                                        "0.0e5",
                                        "0e999999999999999999999",
                                        "1e-999999999999999999999",
                                        "4.9e-324",
                                        "1e400",
                                        "1e-400",
                                        "2.4703282292062327e-324",
                                        "2.4703282292062328e-324",
                                        "1.7976931348623157e308",
                                        "1.7976931348623159e308",
                                        "2.2250738585072011e-308",
                                        "2.2250738585072014e-308",
                                        "9007199254740993",
                                        "1e22",
                                        "1e23",
                                        "8.5e22",
                                        "9007199254740993.00000000000000000000001",
                                        "123456789012345678901234567890",
                                        "0.1",
                                        "1E+2",
                                        "5e-1",
                                        "0.000000000000000000000000000000000000000000000000000000000000001",
                                        "9223372036854775807",
                                        "18446744073709551615",
                                        "18446744073709551616",
                                        "1e999999999999999999999"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) check(texts[i]);
    static const char *const others[] = {"",   "-",   "+1", "01",  "-01",      "1.", "1.e5", ".5",
                                         "1e", "1e+", "a",  "NaN", "Infinity", "-a", " 1"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        double number;
        if (dg_number_read(others[i], strlen(others[i]), &number)) fail_msg("'%s' is a number", others[i]);
    }
}

static void the_locale_does_not_matter(void **state)
{
    (void)state;
    double number;
    static const char *const names[] = {"de_DE.UTF-8", "de_DE", "fr_FR.UTF-8", "C"};
    for (int i = 0; i < 4 && !setlocale(LC_ALL, names[i]); i++) continue;
    assert_int_equal(dg_number_read("1.5,", 4, &number), 3);
    assert_true(number == 1.5);
    setlocale(LC_ALL, "C");
}

static void sequences_are_read(void **state)
{
    (void)state;
    static const char text[] = " [1, null,-2.5e1\t,\n3 ] ";
    dg_sequence s = {0};
    dg_err err = {0};
    for (int again = 0; again < 2; again++) {
        assert_int_equal(dg_sequence_parse(&s, text, sizeof text - 1, &err), DG_OK);
        assert_true(s.count == 4 && s.numbers[0] == 1 && isnan(s.numbers[1]) && s.numbers[2] == -25 &&
                    s.numbers[3] == 3);
    }
    assert_int_equal(dg_sequence_parse(&s, "[]", 2, &err), DG_OK);
    assert_int_equal(s.count, 0);
    dg_sequence_free(&s);
}

static void errors_give_their_byte(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int byte;
    } bad[] = {{"", 1},           {"[", 2},     {"{", 1},     {"[1", 3},    {"[1,", 4},
               {"[1,]", 4},       {"[,1]", 2},  {"[1 2]", 4}, {"[1] 2", 5}, {"[nul]", 2},
               {"[nullnull]", 6}, {"[tru]", 2}, {"[[1]]", 2}, {"[1e]", 2}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        dg_sequence s = {0};
        dg_err err = {0};
        char byte[30];
        snprintf(byte, sizeof byte, "byte %d", bad[i].byte);
        assert_int_equal(dg_sequence_parse(&s, bad[i].text, strlen(bad[i].text), &err), DG_ERROR);
        if (!strstr(err.text, byte)) fail_msg("%s: %s, not %s", bad[i].text, err.text, byte);
        dg_sequence_free(&s);
    }
}

/* Any bytes are read to their end or refused; the sanitizers watch. */
static void any_text_is_safe(void **state)
{
    (void)state;
    static const char letters[] = "[]0123456789.,-+eE nul\"{}:x";
    for (int i = 0; i < 50000; i++) {
        size_t size = any() % 20;
        char *text = malloc(size + 1);
        dg_sequence s = {0};
        dg_err err = {0};
        assert_non_null(text);
        for (size_t k = 0; k < size; k++) text[k] = letters[any() % (sizeof letters - 1)];
        if (size) text[0] = '[';
        dg_sequence_parse(&s, text, size, &err);
        dg_sequence_free(&s);
        free(text);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(numbers_are_rounded_correctly), cmocka_unit_test(hard_numbers),
    cmocka_unit_test(the_locale_does_not_matter),    cmocka_unit_test(sequences_are_read),
    cmocka_unit_test(errors_give_their_byte),        cmocka_unit_test(any_text_is_safe),
};

DG_TEST_MAIN(tests)
