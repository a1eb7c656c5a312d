// What a client does on the stage of client-stage.mjs, in any runtime: Node, Bun, Deno, a page, a worker. It imports nothing.

/** No step takes longer. Milliseconds. */
const PATIENCE_MS = 15_000;

/** What `play` tells where everything holds. */
export const EXPECTED = [
  "open",
  "double 21: 42",
  "double x: no_number",
  "subscribed false 0",
  "one",
  "bytes 1,2,255",
  "waiting",
  "connecting",
  "open",
  "subscribed true 2",
  "two",
  "three",
  "closed 1000",
  "refused: closed 1006 ERR_UNAUTHORIZED 401 no",
  "bad token: closed 1006 ERR_FORBIDDEN 403 no",
  "good token: open",
  "full house: not before its time, 2 tries",
  "socket: open, hello, bytes 1,2,255, closed 1000",
];

/** @returns what happened, line by line; ends early with a line that says what did not happen. */
export async function play({ createClient, ReconnectingSocket }, { origin, name, WebSocket }) {
  const told = [];
  let wake = () => {};
  const tell = (line) => {
    told.push(line);
    wake();
  };
  const hear = async (count) => {
    const patience = setTimeout(() => tell(`no line ${count} within ${PATIENCE_MS} ms`), PATIENCE_MS);
    while (told.length < count) await new Promise((resolve) => (wake = resolve));
    clearTimeout(patience);
  };
  const common = { ...(WebSocket && { WebSocket }), spreadMs: 0 };
  const client = (query, more) => createClient(`${origin}/ws?${query}`, { ...common, onError: (error) => tell(`error: ${error}`), ...more });
  try {
    const player = client(`as=${name}`);
    player.onStatus(({ state, code }) => tell(state === "closed" ? `closed ${code}` : state));
    tell(`double 21: ${await player.request("double", 21)}`);
    tell(`double x: ${await player.request("double", "x").catch(({ code }) => code)}`);
    const room = player.topic("room:{room}", { room: name });
    room.onSubscribed(({ resumed, missed }) => tell(`subscribed ${resumed} ${missed}`));
    room.on("message", tell);
    room.on("bytes", (bytes) => tell(`bytes ${bytes.join()}`));
    await hear(4);
    await room.publish("message", "one");
    await room.publish("bytes", new Uint8Array([1, 2, 255]));
    await hear(6);
    await fetch(`${origin}/cut?connection=${player.connectionId}&room=${name}`);
    await hear(12);
    player.close();
    tell(`refused: ${await endOf(client("as=nobody"))}`);
    tell(`bad token: ${await endOf(client(`as=${name}&token`, { token: "bad" }))}`);
    tell(`good token: ${await endOf(client(`as=${name}&token`, { token: "good" }))}`);
    tell(await fullHouse(client(`as=${name}&full`), origin, name));
    tell(`socket: ${await plain(new ReconnectingSocket(`${origin}/ws?as=${name}`, [], common))}`);
  } catch (error) {
    tell(`threw ${error?.stack ?? error}`);
  }
  return told;
}

/** How it ends, or that it is open; then it is closed. */
function endOf(client) {
  return new Promise((resolve) => {
    const patience = setTimeout(() => over(`${client.status.state}, after ${PATIENCE_MS} ms`), PATIENCE_MS);
    const over = (line) => {
      clearTimeout(patience);
      resolve(line);
      client.close();
    };
    client.onStatus(({ state, code, reason, error }) => {
      if (state === "closed") over(`closed ${code} ${reason} ${error?.status} ${error?.retry}`);
      if (state === "open") over("open");
    });
  });
}

/** The server says when to come back, and knows how often it was asked. */
async function fullHouse(client, origin, name) {
  const waits = [];
  client.onStatus(({ state, retryAt }) => state === "waiting" && waits.push(retryAt));
  const end = await endOf(client);
  const { tries, fullUntil } = await (await fetch(`${origin}/tries?as=${name}`)).json();
  // A clock that is read in whole milliseconds.
  const isInTime = end === "open" && waits.at(-1) >= fullUntil - 2;
  return `full house: ${isInTime ? "not before its time" : `${end}, ${waits.join()} for ${fullUntil}`}, ${tries} tries`;
}

/** The socket alone, to a server that sends everything back. */
function plain(socket) {
  const told = [];
  return new Promise((resolve) => {
    const patience = setTimeout(() => over(`nothing more after ${PATIENCE_MS} ms`), PATIENCE_MS);
    const over = (line) => {
      clearTimeout(patience);
      resolve([...told, line].join(", "));
    };
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => told.push("open"));
    socket.addEventListener("message", ({ data }) => {
      if (typeof data === "string") {
        told.push(data);
        socket.send(new Uint8Array([1, 2, 255]));
      } else {
        told.push(`bytes ${new Uint8Array(data).join()}`);
        socket.close(1000);
      }
    });
    socket.addEventListener("close", ({ code, retryAt }) => over(`closed ${code}${retryAt ? " for now" : ""}`));
    socket.send("hello");
  });
}
