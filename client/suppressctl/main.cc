#include <iostream>
#include <string>
#include <vector>

#include "client/suppressctl/commands.h"

int main(int argc, char** argv) {
  suppression::suppressctl::Session session(std::cin, std::cout, std::cerr);
  return suppression::suppressctl::Run(std::vector<std::string>(argv + 1, argv + argc), session);
}
