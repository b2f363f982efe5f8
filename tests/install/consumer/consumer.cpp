/* The same headers and the same library, from C++. */

#include <holdfast/holdfast.h>
#include <iostream>
#include <string>

int main()
{
    std::cout << hf_err_text(HF_E_BREAKER_OPEN) << '\n';
    return std::string(hf_err_name(HF_E_TIMEOUT)) == "HF_E_TIMEOUT" ? 0 : 1;
}
