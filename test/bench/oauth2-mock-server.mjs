// Starts the npm package whose folder is the argument, and says where it answers and to what.
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const { OAuth2Server } = await import(pathToFileURL(join(process.argv[2], "dist/index.mjs")));
const server = new OAuth2Server();
await server.issuer.keys.generate("RS256");
await server.start(0, "127.0.0.1");
console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}/token`, body: "grant_type=client_credentials&scope=api" }));
