// A client of upwire.v1 without a dependency: PROTOCOL.md as code, to be read beside it. Browsers, Node from 22 on, Deno, Bun, workers;
// elsewhere with a WebSocket class given. Text only: it leaves out binary messages. `report` is told what happens.
const isFinal = (code) => [1000, 1002, 1003, 1007, 1008, 1009, 1010, 3000, 3003].includes(code) || /^44(?!08|29)..$/.test(code);
const backOff = (n, ms) => (n ? (0.75 + Math.random() / 4) * Math.min(Math.max(8000, 2 * ms), Math.max(500, ms) * 2 ** n) : 250 + Math.random() * 1.25 * ms);

export function plainClient(url, report, WebSocketClass = globalThis.WebSocket) {
  const topics = new Map(); // name → { epoch, offset }, its position, or undefined: what this client is subscribed to
  const calls = new Map(); // id → a message that is not answered
  let [socket, timer, hello, queue] = [undefined, undefined, {}, []]; // `queue`: what waits for hello
  let [isReady, isClosed, lastId, failures, notBefore] = [false, false, 0, 0, 0];

  function open() {
    socket = new WebSocketClass(url, ["upwire.v1"]);
    Object.assign(socket, { onmessage: ({ data }) => read(data), onclose: ({ code, reason }) => lost(code, reason), onerror: () => {} });
  }

  function say(call) {
    if (isReady && call.resolve) calls.set((call.message.id = ++lastId), call);
    if (isReady) socket.send(JSON.stringify(call.message)); // Leaves out what is undefined.
    else queue.push(call);
  }

  function ask(message, signal) {
    return new Promise((resolve, reject) => {
      const call = { message, resolve, reject };
      signal?.addEventListener("abort", () => calls.has(message.id) && say({ message: { type: "upwire.cancel", re: message.id } }));
      say(call);
    });
  }

  function askForTopic(topic) {
    ask({ type: "upwire.subscribe", topic, since: topics.get(topic) }).catch(({ code }) => {
      if (code !== "connection_lost" && topics.delete(topic)) report({ refused: topic, code });
    });
  }

  function read(data) {
    listen();
    let message;
    try {
      message = typeof data === "string" ? JSON.parse(data) : {};
    } catch {
      return; // A message that cannot be read is ignored.
    }
    const { re, type, topic, payload } = message ?? {};
    if (re !== undefined) answered(message);
    else if (type === "upwire.hello") greeted(payload ?? {});
    else if (type === "upwire.reconnect") notBefore = Date.now() + payload.afterMs;
    else if (type === "upwire.subscribed") subscribed(topic, payload);
    else if (topics.has(topic) && typeof type === "string") ofTopic(message);
    else if (topic === undefined && typeof type === "string" && !type.startsWith("upwire.")) report({ type, payload });
  }

  function greeted(payload) {
    [hello, isReady, failures, notBefore] = [payload, true, 0, 0];
    listen();
    for (const topic of topics.keys()) askForTopic(topic);
    for (const call of queue.splice(0)) say(call);
  }

  function answered({ re, error, payload }) {
    const { message, resolve, reject } = calls.get(re) ?? {};
    if (!calls.delete(re)) return;
    if (!error && message.type === "upwire.subscribe" && topics.has(message.topic)) subscribed(message.topic, payload);
    if (error) reject({ code: "internal", ...error });
    else resolve(payload);
  }

  function subscribed(topic, { epoch, after, resumed, state }) {
    topics.set(topic, epoch && { epoch, offset: after }); // `after`, not `offset`: what lies between them is yet to come.
    report({ subscribed: topic, resumed });
    if (state !== undefined) report({ state: topic, payload: state });
  }

  function ofTopic({ type, topic, offset, payload, error }) {
    if (type === "upwire.unsubscribed" && topics.delete(topic)) report({ unsubscribed: topic, code: error?.code });
    else if (type === "upwire.gap") {
      if (payload.epoch) topics.set(topic, { epoch: payload.epoch, offset: payload.offset });
      report({ gap: topic, reason: payload.reason });
      if (payload.state !== undefined) report({ state: topic, payload: payload.state });
    } else if (offset === undefined || offset === topics.get(topic)?.offset + 1) {
      if (offset !== undefined) topics.set(topic, { ...topics.get(topic), offset });
      if (!type.startsWith("upwire.")) report({ publication: topic, type, payload });
    } // Else a duplicate, or too early: the server repeats from the next one on.
  }

  function listen() {
    clearTimeout(timer);
    timer = setTimeout(() => {
      ask({ type: "upwire.ping" }).catch(() => {});
      timer = setTimeout(() => socket.onclose({ code: 1006, reason: "" }), 10_000);
    }, hello.pingIntervalMs ?? 25_000);
  }

  function lost(code, reason) {
    clearTimeout(timer);
    Object.assign(socket, { onclose: null, onmessage: null }).close();
    const unanswered = [...calls.values()];
    calls.clear();
    [isReady, queue] = [false, [...unanswered.filter(({ message }) => message.key), ...queue]]; // With the same key, it is done once.
    for (const { message, reject } of unanswered) if (!message.key) reject({ code: "connection_lost" });
    if (isClosed || isFinal(code)) {
      for (const { reject } of queue.splice(0)) reject?.({ code: "closed" });
      report({ closed: code });
    } else {
      const told = /^retry-after=(\d+)$/.exec(reason)?.[1] ?? ([1013, 1015, 4429].includes(code) ? 5000 : 0);
      timer = setTimeout(open, Math.max(backOff(failures++, hello.spreadMs ?? 0), told, notBefore - Date.now()));
    }
  }

  open();
  return {
    send: (type, payload) => say({ message: { type, payload } }),
    request: (type, payload, { key, signal } = {}) => ask({ type, payload, key }, signal),
    publish: (topic, type, payload, { key } = {}) => ask({ type, topic, payload, key }),
    subscribe: (topic) => void (topics.has(topic) || (topics.set(topic, undefined), isReady && askForTopic(topic))),
    unsubscribe: (topic) => void (topics.delete(topic) && isReady && ask({ type: "upwire.unsubscribe", topic }).catch(() => {})),
    close: () => void ((isClosed = true), clearTimeout(timer), socket.close(1000)),
  };
}
