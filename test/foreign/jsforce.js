// Drives jsforce for jsforce_test.go, one line of JSON for each line it is told: the app, then the callback's query, then
// "query" as often as wanted. Argument: jsforce's folder.
const jsforce = require(process.argv[2]);
const lines = require('readline').createInterface({ input: process.stdin });

let connection, refreshes = 0;
const steps = [
  ({ loginUrl, clientId, redirectUri }) => {
    const oauth2 = new jsforce.OAuth2({ loginUrl, clientId, redirectUri, useVerifier: true });
    connection = new jsforce.Connection({ oauth2 });
    connection.on('refresh', () => { refreshes++; });
    return { authorizeUrl: oauth2.getAuthorizationUrl({ scope: 'api refresh_token', state: 'a state' }) };
  },
  ({ code }) => connection.authorize(code),
  async () => {
    await connection.query('SELECT Name FROM Organization'); // refreshes if it must; identity itself does not
    const identity = await connection.identity();
    return { username: identity.username, accessToken: connection.accessToken, refreshes };
  },
];

(async () => {
  let n = 0;
  for await (const line of lines) {
    const step = steps[Math.min(n++, steps.length - 1)];
    console.log(JSON.stringify(await step(JSON.parse(line))));
  }
})().catch((error) => {
  console.log(JSON.stringify({ error: String(error) }));
  process.exit(1);
});
