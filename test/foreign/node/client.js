const { drive, load } = require('./drive');
const ClientOAuth2 = load('client-oauth2');

let client, token;
const keep = (promise) => promise.then((got) => { token = got; return { accessToken: got.accessToken }; });

drive({
  begin: ({ url, ...app }) => {
    client = new ClientOAuth2({ ...app, accessTokenUri: url + '/services/oauth2/token', authorizationUri: url + '/services/oauth2/authorize', state: 'a state' });
  },
  uri: ({ flow, scopes }) => ({ authorizeUrl: client[flow].getUri({ scopes }) }),
  arrive: ({ flow, callback }) => keep(client[flow].getToken(callback)),
  refresh: () => keep(token.refresh()),
  owner: ({ username, password }) => keep(client.owner.getToken(username, password)),
  credentials: () => keep(client.credentials.getToken()),
  jwt: ({ assertion }) => keep(client.jwt.getToken(assertion)),
});
