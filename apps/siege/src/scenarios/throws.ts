import { inParallel } from "../crowd.ts";
import { Peer, sourceAddress } from "../peer.ts";
import type { Scenario, SiegeSettings } from "../scenario.ts";

/** Hook and manner. */
const KINDS = ["open throw", "open reject", "message throw", "message reject"] as const;

function count({ full }: SiegeSettings): number {
  return full ? 10_000 : 1000;
}

export const throws: Scenario = {
  name: "throws",
  about: (settings) => `${count(settings).toLocaleString("en")} handlers throw or reject, in open and in message`,
  together: () => false,

  async run(attack) {
    const wanted = count(attack.settings);
    const server = await attack.start();
    const codes = await inParallel(wanted, 100, async (index) => {
      const [hook, manner = ""] = KINDS[index % KINDS.length]?.split(" ") ?? [];
      const path = hook === "open" ? `/ws?open=${manner}` : "/ws";
      const peer = await Peer.open({ port: server.port, path, sourceAddress: sourceAddress(index) });
      if (hook === "message") peer.send(manner);
      return (await peer.ended).code;
    });
    attack.exactly("closed with 1011", codes.filter((code) => code === 1011).length, wanted);
    const { reported, endings } = await server.quiet();
    attack.exactly("reported to onError", reported, wanted);
    // When `open` throws at once, the handler is told of the close only.
    attack.exactly("close hooks called", (endings["ERR_HANDLER"] ?? 0) + (endings["1011"] ?? 0), wanted);
    await attack.judgeHealth(server);
  },
};
