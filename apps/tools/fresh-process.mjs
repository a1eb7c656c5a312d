// Runs before each unit test file, in the process that other files ran in before: ends what they have left, so that no event of their
// connections reaches a file that listens on a channel of the whole process.
import { Server, Socket } from "node:net";
import { setImmediate } from "node:timers/promises";

/** Events of a socket that was destroyed come within two turns of the event loop; some of them send more. */
const TURNS = 5;
/** Standard input, output and error. */
const STANDARD = [0, 1, 2];

for (let left = leftovers(); left.length > 0; left = leftovers()) {
  for (const handle of left) {
    if (handle instanceof Server) handle.close();
    else handle.destroy();
  }
  for (let turn = 0; turn < TURNS; turn++) await setImmediate();
}

/** The sockets and servers that are open. */
function leftovers() {
  // oxlint-disable-next-line no-underscore-dangle -- Node has no other list of them
  return process._getActiveHandles().filter((handle) => (handle instanceof Socket || handle instanceof Server) && !STANDARD.includes(handle.fd));
}
