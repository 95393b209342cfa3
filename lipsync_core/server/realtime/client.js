// A talking face in a <video>: `const face = await connect(video, {text: "Hello"})`, then face.say(...). The promise
// face.closed is kept when the connection is over, whoever ended it.

const base = new URL("./", import.meta.url);

async function send(path, method, body, options = {}) {
  const response = await fetch(new URL(path, base), {
    method,
    headers: body ? {"Content-Type": "application/json", ...options.headers} : options.headers,
    body: body && JSON.stringify(body),
    keepalive: options.keepalive,
  });
  if (!response.ok) {
    const problem = await response.json().catch(() => ({}));
    throw new Error(problem.detail || `${response.status} ${response.statusText}`);
  }
  return response.status === 204 ? null : response.json();
}

// options: the fields of POST /api/realtime/offer but sdp and type; besides, onevent: called with each event, headers: of
// all requests, such as Authorization, and track: of a microphone, see the field `microphone`.
export async function connect(video, {onevent, headers, track, ...options} = {}) {
  const {iceServers} = await send("ice", "GET", null, {headers});
  const peer = new RTCPeerConnection({iceServers});
  try {
    const stream = new MediaStream();
    peer.ontrack = ({track}) => stream.addTrack(track);
    peer.addTransceiver(track ?? "audio", {direction: track ? "sendrecv" : "recvonly"});
    peer.addTransceiver("video", {direction: "recvonly"});
    const events = peer.createDataChannel("events");
    events.onmessage = ({data}) => onevent?.(JSON.parse(data));
    video.srcObject = stream;
    video.playsInline = true;
    await peer.setLocalDescription();
    // Without servers, the offer need not wait for addresses: the server learns them from the first packet.
    if (iceServers.length) await gathered(peer);
    const {sdp, type} = peer.localDescription;
    const answer = await send("offer", "POST", {...options, sdp, type}, {headers});
    await peer.setRemoteDescription({sdp: answer.sdp, type: answer.type});
    return new Face(peer, events, answer.session, headers);
  } catch (error) {
    peer.close();
    throw error;
  }
}

function gathered(peer) {
  if (peer.iceGatheringState === "complete") return Promise.resolve();
  return new Promise((resolve) => {
    const wait = setTimeout(resolve, 2000);
    peer.addEventListener("icegatheringstatechange", () => {
      if (peer.iceGatheringState !== "complete") return;
      clearTimeout(wait);
      resolve();
    });
  });
}

class Face {
  constructor(peer, events, session, headers) {
    Object.assign(this, {peer, session, headers});
    this.leave = () => this.close();
    addEventListener("pagehide", this.leave); // a closed page is noticed late otherwise
    this.closed = new Promise((over) => {
      this.over = over;
      // The channel closes as soon as the server ends the connection; the peer itself takes half a minute to notice.
      events.addEventListener("close", () => this.end());
      peer.addEventListener("connectionstatechange", () => peer.connectionState === "failed" && this.end());
    });
  }
  end() {
    this.ended = true;
    removeEventListener("pagehide", this.leave);
    this.peer.close();
    this.over();
  }
  say(text, options = {}) {
    return send(`${this.session}/say`, "POST", {text, ...options}, {headers: this.headers});
  }
  interrupt() {
    return send(`${this.session}/interrupt`, "POST", null, {headers: this.headers});
  }
  close() {
    if (this.ended) return Promise.resolve();
    this.ended = true;
    for (const {track} of this.peer.getReceivers()) track.stop(); // silent at once
    // The peer goes last: a server that sees it go first has ended the session when it is asked to.
    const asked = send(this.session, "DELETE", null, {headers: this.headers, keepalive: true});
    return asked.catch(() => {}).finally(() => this.end());
  }
}
