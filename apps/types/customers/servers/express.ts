import { attach, websocket } from "@upwire/express";
import { Upgrader, type UpgradeRequest } from "@upwire/core";
import express, { type Request, type RequestHandler } from "express";
import { chat, Echo, inferred, members, noes, rooms, upgrader, userOf, type User } from "../shared.js";

const app = express();
app.get("/chat", websocket(chat));
app.get("/members", websocket(members));
app.get("/rooms/:room", websocket(rooms, upgrader));
app.get("/echo", websocket(new Echo(), inferred));
for (const options of noes) app.get("/no", websocket(rooms, options));

// The context comes from an `authorize` written on the spot...
app.get("/a", websocket({ open: (connection) => connection.send(connection.context.id) }, { authorize: () => ({ id: "a" }) }));
// ...whose request is typed, since TypeScript reads the handler first,
app.get(
  "/b",
  websocket(
    { open: (connection) => connection.send(connection.context.id) },
    { authorize: ({ native }: UpgradeRequest<Request>) => ({ id: native.hostname }) },
  ),
);
// ...or that stands before the hooks,
app.get(
  "/c",
  websocket({
    options: { authorize: ({ native, query }) => ({ id: native.hostname, user: userOf(query.get("token")) }) },
    open({ context }) {
      const id: string = context.id;
      const user: User | undefined = context.user;
      return [id, user];
    },
  }),
);
// ...or in an Upgrader.
app.get(
  "/d",
  websocket({ open: ({ context }) => context.ip.length }, new Upgrader({ authorize: ({ native }: UpgradeRequest<Request>) => ({ ip: native.ip ?? "" }) })),
);

// `native` is Express's own request; its params are lists where a wildcard stands, and those of the UpgradeRequest are texts.
app.get(
  "/files/*path",
  websocket({
    open(connection, { native, params }) {
      const whole: string | undefined = params["path"];
      const parts: string | string[] | undefined = native.params["path"];
      // @ts-expect-error -- it may be a list
      const text: string | undefined = native.params["path"];
      connection.send(`${native.hostname} ${whole} ${parts?.length} ${text}`);
    },
  }),
);
app.get<{ room: string }>("/typed/:room", websocket({ open: (connection, { native }) => connection.send(native.params.room.toUpperCase()) }));

export const handler: RequestHandler = websocket(chat);
const router = express.Router({ mergeParams: true });
router.get("/chat", (_req, _res, next) => next(), handler);
router.use("/below", websocket(members));
app.use("/api", router);
attach(app.listen(8080));

// @ts-expect-error -- it is `message`
app.get("/ws", websocket({ onMessage() {} }));
// @ts-expect-error -- it is `authorize`
app.get("/ws", websocket(chat, { authorise: () => false }));
// @ts-expect-error -- rooms need a user
app.get("/ws", websocket(rooms, { authorize: () => ({ id: 1 }) }));
// @ts-expect-error -- the context has no age
app.get("/ws", websocket({ open: ({ context }) => context.age }, { authorize: () => ({ id: "a" }) }));
// @ts-expect-error -- Express's request has no such member
app.get("/ws", websocket({ open: (_connection, { native }) => native.querystring }));
// @ts-expect-error -- Express is not given what another framework has
app.get("/ws", websocket(chat, new Upgrader<unknown, { readonly log: { info(text: string): void } }>({})));
