const { drive, load } = require('./drive');
const jsforce = load('jsforce');

let connection, refreshes = 0;
const users = "SELECT Username FROM User WHERE Username = 'amelia@acme.example'";

drive({
  begin: ({ scope, state, loginUrl, ...app }) => {
    const oauth2 = new jsforce.OAuth2({ loginUrl, ...app });
    connection = new jsforce.Connection(app.clientId ? { loginUrl, oauth2 } : { loginUrl });
    refreshes = 0;
    connection.on('refresh', () => { refreshes++; });
    return { authorizeUrl: app.clientId && oauth2.getAuthorizationUrl({ scope, state }) };
  },
  authorize: ({ code, ...params }) => connection.authorize(code ?? params),
  login: ({ username, password }) => connection.login(username, password),
  // identity comes second: it does not refresh, a query does
  use: async () => {
    const { records } = await connection.query(users);
    const { username } = await connection.identity();
    return { found: records[0].Username, username, accessToken: connection.accessToken, refreshes };
  },
  page: async () => {
    const result = await connection.query('SELECT Id FROM User', { autoFetch: true, maxFetch: 10000, headers: { 'Sforce-Query-Options': 'batchSize=200' } });
    return { total: result.totalSize, records: new Set(result.records.map((user) => user.Id)).size };
  },
  logout: ({ revoke }) => connection.logout(revoke),
});
