#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/test_faults.h"
#include "storage/files/s3/sign.h"

/* Vectors of AWS: the signing test suite of aws-c-auth (service "service"), and the examples of the
 * S3 documentation, "Signature Calculations for the Authorization Header". */
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct vector {
    const char *method, *path;
    struct s3_pair query[4];
    struct s3_pair headers[6];
    const char *payload;
    const char *canonical_request; /* or NULL */
    const char *string_to_sign;    /* its last line, or NULL */
    const char *signature;
};
static const struct vector suite[] = {
    {"GET",
     "/",
     {{NULL}},
     {{"Host", "example.amazonaws.com"}, {"X-Amz-Date", "20150830T123600Z"}},
     EMPTY,
     "GET\n/\n\nhost:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\nhost;x-amz-date\n" EMPTY,
     "bb579772317eb040ac9ed261061d46c1f17a8133879d6129b6e1c25292927e63",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"GET",
     "/",
     {{NULL}},
     {{"Host", "example.amazonaws.com"},
      {"My-Header1", " value1"},
      {"My-Header2", " \"a   b   c\""},
      {"X-Amz-Date", "20150830T123600Z"}},
     EMPTY,
     "GET\n/\n\nhost:example.amazonaws.com\nmy-header1:value1\nmy-header2:\"a b c\"\n"
     "x-amz-date:20150830T123600Z\n\nhost;my-header1;my-header2;x-amz-date\n" EMPTY,
     "a726db9b0df21c14f559d0a978e563112acb1b9e05476f0a6a1c7d68f28605c7",
     "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
    {"GET",
     "/",
     {{"Param2", "value2"}, {"Param1", "value1"}},
     {{"X-Amz-Date", "20150830T123600Z"}, {"Host", "example.amazonaws.com"}},
     EMPTY,
     "GET\n/\nParam1=value1&Param2=value2\nhost:example.amazonaws.com\n"
     "x-amz-date:20150830T123600Z\n\nhost;x-amz-date\n" EMPTY,
     "816cd5b414d056048ba4f7c5386d6e0533120fb1fcfa93762cf0fc39e2cf19e0",
     "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {"GET",
     "/",
     {{NULL}},
     {{"Host", "example.amazonaws.com"},
      {"X-Amz-Date", "20150830T123600Z"},
      {"X-Amz-Security-Token", "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"}},
     EMPTY,
     NULL,
     "067b36aa60031588cea4a4cde1f21215227a047690c72247f1d70b32fbbfad2b",
     "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"},
    {"POST",
     "/",
     {{NULL}},
     {{"Host", "example.amazonaws.com"},
      {"X-Amz-Date", "20150830T123600Z"},
      {"Content-Type", "application/x-www-form-urlencoded"},
      {"Content-Length", "13"},
      {"X-Amz-Content-Sha256", "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"}},
     "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
     NULL,
     "b1edd1d03544c25390e32085d55b57acc9a3961bb59415ff86c45c3d89d16cfb",
     "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b"},
    {"POST",
     "/",
     {{NULL}},
     {{"My-Header1", "value1"},
      {"Host", "example.amazonaws.com"},
      {"X-Amz-Date", "20150830T123600Z"}},
     EMPTY,
     NULL,
     "9368318c2967cf6de74404b30c65a91e8f6253e0a8659d6d5319f1a812f87d65",
     "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
};
static const struct vector s3_examples[] = {
    {"GET",
     "/test.txt",
     {{NULL}},
     {{"Host", "examplebucket.s3.amazonaws.com"},
      {"Range", "bytes=0-9"},
      {"x-amz-content-sha256", EMPTY},
      {"x-amz-date", "20130524T000000Z"}},
     EMPTY,
     "GET\n/test.txt\n\nhost:examplebucket.s3.amazonaws.com\nrange:bytes=0-9\n"
     "x-amz-content-sha256:" EMPTY "\nx-amz-date:20130524T000000Z\n\n"
     "host;range;x-amz-content-sha256;x-amz-date\n" EMPTY,
     "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972",
     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
    {"PUT",
     "/test%24file.text",
     {{NULL}},
     {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
      {"Host", "examplebucket.s3.amazonaws.com"},
      {"x-amz-content-sha256", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"},
      {"x-amz-date", "20130524T000000Z"},
      {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
     "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
     NULL,
     "9e0e90d9c76de8fa5b200d8c849cd5b8dc7a3be3951ddb7f6a76b4158342019d",
     "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
    {"GET",
     "/",
     {{"lifecycle", ""}},
     {{"Host", "examplebucket.s3.amazonaws.com"},
      {"x-amz-content-sha256", EMPTY},
      {"x-amz-date", "20130524T000000Z"}},
     EMPTY,
     NULL,
     "9766c798316ff2757b517bc739a67f6213b4ab36dd5da2f94eaebf79c77395ca",
     "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
    {"GET",
     "/",
     {{"prefix", "J"}, {"max-keys", "2"}},
     {{"Host", "examplebucket.s3.amazonaws.com"},
      {"x-amz-content-sha256", EMPTY},
      {"x-amz-date", "20130524T000000Z"}},
     EMPTY,
     NULL,
     "df57d21db20da04d7fa30298dd4488ba3a2b47ca3a489c74750e0f1e7df1b9b7",
     "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
};

static void check(const struct vector *vector, struct s3_signing in)
{
    struct leat_arena arena;
    struct s3_signature out;
    struct leat_error err;
    const char *last;

    leat_arena_init(&arena, NULL);
    in.method = vector->method;
    in.path = vector->path;
    in.query = vector->query;
    while (in.query_count < 4 && vector->query[in.query_count].name)
        in.query_count++;
    in.headers = vector->headers;
    while (in.header_count < 6 && vector->headers[in.header_count].name)
        in.header_count++;
    in.payload_hash = vector->payload;
    assert_int_equal(s3_sign(&in, &arena, &out, &err), LEAT_OK);
    if (vector->canonical_request)
        assert_string_equal(out.canonical_request, vector->canonical_request);
    last = strrchr(out.string_to_sign, '\n') + 1;
    assert_string_equal(last, vector->string_to_sign);
    last = strstr(out.authorization, "Signature=") + 10;
    assert_string_equal(last, vector->signature);
    leat_arena_release(&arena);
}

static void sign__gives_what_the_test_suite_of_aws_says(void **state)
{
    struct s3_signing in = {.access_key = "AKIDEXAMPLE",
                            .secret_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                            .region = "us-east-1",
                            .service = "service",
                            .time = "20150830T123600Z"};
    (void)state;
    for (size_t i = 0; i < sizeof(suite) / sizeof(suite[0]); i++)
        check(&suite[i], in);
}

static void sign__gives_what_the_examples_of_s3_say(void **state)
{
    struct s3_signing in = {.access_key = "AKIAIOSFODNN7EXAMPLE",
                            .secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                            .region = "us-east-1",
                            .service = "s3",
                            .time = "20130524T000000Z"};
    (void)state;
    for (size_t i = 0; i < sizeof(s3_examples) / sizeof(s3_examples[0]); i++)
        check(&s3_examples[i], in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sign__gives_what_the_test_suite_of_aws_says),
        cmocka_unit_test(sign__gives_what_the_examples_of_s3_say),
    };
    return LEAT_RUN_TESTS(tests);
}
