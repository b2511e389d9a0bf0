// The gate's view of TLS connections; see server/gate/socket_gate.h.
#pragma once

namespace suppressd {

// Makes sure that the functions in place of OpenSSL's are part of the program. Thread-safe.
void UseTlsGate();

}  // namespace suppressd
