// A node tree as a file, arrays packed: what a replay gives the implementation lies otherwise in memory than
// the original.
#pragma once
#include <string>

#include "own_conduit.h"

void write_node(const std::string& path, const conduit_node* node);
conduit_node* read_node(const std::string& path);
