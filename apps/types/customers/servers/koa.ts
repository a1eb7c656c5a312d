import { Router } from "@koa/router";
import { Upgrader, type UpgradeRequest } from "@upwire/core";
import { attach, websocket } from "@upwire/koa";
import Koa, { type Context, type ParameterizedContext } from "koa";
import { chat, Echo, inferred, members, noes, rooms, upgrader, userOf } from "../shared.js";

const router = new Router();
router.get("/chat", websocket(chat));
router.get("/members", websocket(members));
router.get("/rooms/:room", websocket(rooms, upgrader));
router.get("/echo", websocket(new Echo(), inferred));
for (const options of noes) router.get("/no", websocket(rooms, options));
router.get("/a", websocket({ open: (connection) => connection.send(connection.context.id) }, { authorize: () => ({ id: "a" }) }));
router.get("/b", websocket({ options: { authorize: ({ native }) => ({ id: native.host }) }, open: (connection) => connection.send(connection.context.id) }));
router.get("/c", websocket({ open: (connection, { native }) => connection.send(native.host) }));
router.get("/d", websocket({ open: ({ context }) => context?.id }, { authorize: ({ native }: UpgradeRequest<Context>) => userOf(native.get("x-token")) }));

interface State {
  user: { id: string };
}
const app = new Koa<State>();
app.use(router.routes());
app.use(websocket(chat));
const ofState = new Router<State>();
ofState.get("/chat", websocket(chat));
ofState.get(
  "/user",
  websocket({ open: ({ context }) => context.id }, { authorize: ({ native }: UpgradeRequest<ParameterizedContext<State>>) => native.state.user }),
);
app.use(ofState.routes());
attach(app.listen(8080));

// @ts-expect-error -- it is `message`
router.get("/ws", websocket({ onMessage() {} }));
// @ts-expect-error -- it is `authorize`
router.get("/ws", websocket(chat, { authorise: () => false }));
// @ts-expect-error -- rooms need a user
router.get("/ws", websocket(rooms, { authorize: () => ({ id: 1 }) }));
// @ts-expect-error -- the context has no age
router.get("/ws", websocket({ open: ({ context }) => context.age }, { authorize: () => ({ id: "a" }) }));
// @ts-expect-error -- a text
router.get("/ws", websocket({ open: (_connection, { native }) => native.host.nope }));
// @ts-expect-error -- Koa is not given what Express has
router.get("/ws", websocket(chat, new Upgrader<unknown, import("express").Request>({})));
