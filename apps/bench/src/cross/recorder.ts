import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";

/** A TCP proxy on 127.0.0.1 that keeps what the clients of a Redis server say. */
export async function recordCommands(port: number): Promise<{ readonly port: number; commands(): Buffer[][]; close(): void }> {
  const chunks = new Map<number, Buffer[]>();
  let connections = 0;
  const server = createServer((client) => {
    const said: Buffer[] = [];
    chunks.set(connections++, said);
    const upstream = connect(port, "127.0.0.1");
    client.on("data", (bytes) => said.push(bytes));
    client.pipe(upstream).pipe(client);
    for (const socket of [client, upstream]) socket.on("error", () => {});
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    port: (server.address() as AddressInfo).port,
    commands: () => [...chunks.values()].flatMap((said) => commandsIn(Buffer.concat(said))),
    close: () => void server.close(),
  };
}

/** A command is `*` and the number of its arguments, each of them `$`, its length and its bytes. */
function commandsIn(bytes: Buffer): Buffer[][] {
  const commands: Buffer[][] = [];
  let at = 0;
  const number = (): number => {
    const end = bytes.indexOf("\r\n", at);
    const value = Number(bytes.toString("latin1", at + 1, end));
    at = end + 2;
    return value;
  };
  while (at < bytes.length) {
    const command: Buffer[] = [];
    for (let left = number(); left > 0; left--) {
      const length = number();
      command.push(bytes.subarray(at, at + length));
      at += length + 2;
    }
    commands.push(command);
  }
  return commands;
}
