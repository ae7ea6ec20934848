// A shared library that is none of ours.
extern "C" __attribute__((visibility("default"))) int something_else() {
  return 1;
}
