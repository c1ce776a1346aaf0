// Starts the npm package whose folder is the argument, and says where it answers and to what.
import { createServer } from "node:http";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const { Provider } = await import(pathToFileURL(join(process.argv[2], "lib/index.js")));
const provider = new Provider("http://127.0.0.1", {
  clients: [{ client_id: "app", client_secret: "secret", grant_types: ["client_credentials"], redirect_uris: [], response_types: [], token_endpoint_auth_method: "client_secret_post" }],
  features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
});
const server = createServer(provider.callback());
server.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}/token`, body: "grant_type=client_credentials&client_id=app&client_secret=secret" }));
});
