import { createServer } from "node:http";
import { createSecureServer } from "node:http2";
import { attach, websocket } from "@upwire/core";
import { chat, Echo, inferred, members, rooms, upgrader, userOf, type User } from "../shared.js";

const routes = [
  websocket(chat),
  websocket(members),
  websocket(rooms, upgrader),
  websocket(new Echo(), inferred),
  websocket({ open: ({ context }) => context.id }, { authorize: (): User => ({ id: "a", rooms: [] }) }),
  websocket({ open: (connection, { native }) => connection.send(native.httpVersion) }),
  websocket<User>({ open: (connection) => connection.send(connection.context.id) }, { authorize: ({ query }) => userOf(query.get("token")) ?? false }),
];

const server = createServer((req, res) => void routes[0]?.(req, res));
const attachment = attach(server, { match: (req) => req.url !== "/socket.io" });
server.listen(8080, () => console.log(attachment.count, attachment.stats));
attach(createSecureServer({ allowHTTP1: true }, (req, res) => void routes[0]?.(req, res)));

// @ts-expect-error -- it is `message`
websocket({ onMessage() {} });
// @ts-expect-error -- it is `message`, beside a right one
websocket({ open() {}, mesage() {} });
// @ts-expect-error -- a handler is missing
websocket();
// @ts-expect-error -- a handler is an object
websocket((socket: unknown) => socket);
// @ts-expect-error -- it is `authorize`
websocket(chat, { authorise: () => false });
// @ts-expect-error -- rooms need a user
websocket(rooms, { authorize: () => 1 });
// @ts-expect-error -- a number
websocket(chat, { maxMessageBytes: "1mb" });
// @ts-expect-error -- Node's request has no body
websocket({ open: (_connection, { native }) => native.body });
// @ts-expect-error -- there is no such option
attach(server, { path: "/ws" });
