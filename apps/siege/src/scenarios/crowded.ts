import { median, openMany } from "../crowd.ts";
import type { Scenario, SiegeSettings } from "../scenario.ts";

/** Each is judged alone: what else a machine does must not be taken for ours. */
const ROUNDS = 5;
const PER_SECOND = 5;
const BYTES = 1024;

function count({ full }: SiegeSettings): number {
  return full ? 10_000 : 2000;
}

export const crowded: Scenario = {
  name: "crowded",
  about: (settings) => `${count(settings).toLocaleString("en")} clients get ${PER_SECOND} broadcasts/s of 1 KiB for ${ROUNDS} s, and are all closed at once`,
  together: () => false,

  async run(attack) {
    const clients = count(attack.settings);
    const server = await attack.start();
    let received = 0;
    const peers = await openMany(clients, { port: server.port, onMessage: () => void received++ });
    // Or the first round would measure the compiler.
    await server.broadcast({ perSecond: PER_SECOND, seconds: 2, bytes: BYTES });
    const turns: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      await server.watch();
      await server.broadcast({ perSecond: PER_SECOND, seconds: 1, bytes: BYTES });
      turns.push((await server.peaks()).loopDelayMs);
    }
    await server.watch();
    await server.watchTurns();
    await server.closeAll();
    const closing = await server.peaks();
    const codes = await Promise.all(peers.map(async (peer) => (await peer.ended).code));

    attack.atMost("broadcast: longest turn", median(turns), 20, "ms", `median of ${turns.map((ms) => ms.toFixed(1)).join(", ")}`);
    // The clients, which are all closed at once, take the same cores.
    attack.atMost("closing all: longest turn", closing.turnMs, 20, "ms");
    attack.tell("closing all: event loop held up", closing.loopDelayMs, "ms");
    attack.exactly("messages", received, clients * PER_SECOND * (2 + ROUNDS));
    attack.exactly("closed with 1001", codes.filter((code) => code === 1001).length, clients);
    await attack.judgeHealth(server);
  },
};
