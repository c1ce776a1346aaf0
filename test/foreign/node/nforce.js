const { drive, load } = require('./drive');

let org, oauth; // its single mode keeps the tokens itself, and loses the refresh token at the first refresh
drive({
  begin: ({ url, ...app }) => {
    org = load('nforce').createConnection({
      ...app, autoRefresh: true, apiVersion: 'v60.0',
      authEndpoint: url + '/services/oauth2/authorize', loginUri: url + '/services/oauth2/token',
    });
    return { authorizeUrl: org.getAuthUri({ scope: ['api', 'refresh_token', 'id'], state: 'a state' }) };
  },
  authenticate: async (how) => { oauth = await org.authenticate(how); },
  use: async () => {
    const { records } = await org.query({ oauth, query: "SELECT Username FROM User WHERE Username = 'amelia@acme.example'" });
    const { username } = await org.getIdentity({ oauth });
    return { found: records[0].get('Username'), username, accessToken: oauth.access_token };
  },
});
