import type { Client, ClientStatus as Status } from "@upwire/client";
import type { ChatContract } from "../src/contract.ts";

/** A client that knows all names and payloads of the chat. */
export type ChatClient = Client<ChatContract>;
export type ClientStatus = Status;
