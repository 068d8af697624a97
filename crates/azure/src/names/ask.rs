//! How is one resolver asked? By UDP, once more where nothing comes, and by TCP where the answer does not fit.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::timeout,
};
use uuid::Uuid;

use super::{
    Question, Said, Sort,
    message::{self, Heard},
};

/// After how long a question goes out once more: either may have been lost on the way.
const AGAIN: Duration = Duration::from_secs(2);
/// The longest answer by UDP that is taken.
const LONGEST: usize = 4 * 1024;

/// Asks the server at an address.
pub(crate) async fn ask(server: SocketAddr, question: &Question, within: Duration) -> Result<Said, String> {
    // A number that nobody else can guess: whoever knows it has seen the question.
    let id = Uuid::new_v4().into_bytes();
    let id = u16::from_be_bytes([id[0], id[1]]);
    let bytes = message::question(id, question)?;
    let asked = async {
        match by_udp(server, id, question, &bytes).await? {
            Some(said) => Ok(said),
            None => by_tcp(server, id, question, &bytes).await,
        }
    };
    match timeout(within, asked).await {
        Ok(Ok(said)) => Ok(said),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer in time".to_owned()),
    }
}

/// Asks by UDP; nothing where the answer does not fit.
async fn by_udp(
    server: SocketAddr,
    id: u16,
    question: &Question,
    bytes: &[u8],
) -> std::io::Result<Option<Said>> {
    let any: IpAddr = match server.is_ipv4() {
        true => Ipv4Addr::UNSPECIFIED.into(),
        false => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    // Only what comes from there is heard.
    socket.connect(server).await?;
    let mut buffer = vec![0; LONGEST];
    loop {
        socket.send(bytes).await?;
        let listened = timeout(AGAIN, async {
            loop {
                let length = socket.recv(&mut buffer).await?;
                match message::answer(id, question, buffer.get(..length).unwrap_or_default()) {
                    Heard::Said(said) => return Ok::<_, std::io::Error>(Some(said)),
                    Heard::Truncated => return Ok(None),
                    Heard::Other => {}
                }
            }
        });
        if let Ok(heard) = listened.await {
            return heard;
        }
    }
}

async fn by_tcp(server: SocketAddr, id: u16, question: &Question, bytes: &[u8]) -> std::io::Result<Said> {
    let unreadable = || std::io::Error::other("its answer cannot be read");
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(bytes.len()).map_err(|_| unreadable())?;
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend(bytes);
    stream.write_all(&framed).await?;
    let length = stream.read_u16().await?;
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await?;
    match message::answer(id, question, &answer) {
        Heard::Said(said) => Ok(said),
        Heard::Truncated | Heard::Other => Err(unreadable()),
    }
}

/// Asks as this machine does by itself. It tells addresses only, and neither the way there nor the time to live.
pub(crate) async fn system(question: &Question, within: Duration) -> Result<Said, String> {
    let wanted: fn(&IpAddr) -> bool = match question.sort {
        Sort::A => IpAddr::is_ipv4,
        Sort::Aaaa => IpAddr::is_ipv6,
        Sort::Cname | Sort::Txt => {
            return Err(format!(
                "this machine tells addresses only: name a resolver for {}",
                question.sort
            ));
        }
    };
    let name = question.name.trim_end_matches('.').to_owned();
    match timeout(within, tokio::net::lookup_host((name, 0))).await {
        Err(_) => Err("no answer in time".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
        Ok(Ok(found)) => {
            let mut values: Vec<String> = Vec::new();
            for address in found.map(|found| found.ip()).filter(wanted) {
                let address = address.to_string();
                if !values.contains(&address) {
                    values.push(address);
                }
            }
            Ok(Said {
                values,
                ..Said::default()
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::names::message::tests::{reply, written};

    fn asked(name: &str, sort: Sort) -> Question {
        Question {
            name: name.to_owned(),
            sort,
        }
    }

    /// A server by UDP that hears `deaf` questions without a word, and then answers each with these bytes.
    async fn server(deaf: usize, answer: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + 'static) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut buffer = vec![0; 512];
            for number in 0.. {
                let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
                if number < deaf {
                    continue;
                }
                for answer in answer(&buffer[..length]) {
                    socket.send_to(&answer, from).await.unwrap();
                }
            }
        });
        address
    }

    fn address(last: u8) -> Vec<(&'static str, u16, u32, Vec<u8>)> {
        vec![("", 1, 60, vec![10, 20, 0, last])]
    }

    #[tokio::test]
    async fn a_server_on_a_real_socket_is_asked_and_strangers_are_not_listened_to() {
        let server = server(0, |question| {
            let mut other = reply(question, 0, &address(9));
            other[0] ^= 0xff;
            vec![b"noise".to_vec(), other, reply(question, 0, &address(1))]
        })
        .await;
        let said = ask(server, &asked("shop.test", Sort::A), Duration::from_secs(5))
            .await
            .unwrap();
        assert_eq!((said.values, said.ttl), (vec!["10.20.0.1".to_owned()], Some(60)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_that_is_lost_goes_out_once_more_and_silence_ends() {
        let deaf_once = server(1, |question| vec![reply(question, 0, &address(1))]).await;
        let said = ask(deaf_once, &asked("shop.test", Sort::A), Duration::from_secs(60))
            .await
            .unwrap();
        assert_eq!(said.values, ["10.20.0.1"]);
        let deaf = server(usize::MAX, |_| Vec::new()).await;
        let error = ask(deaf, &asked("shop.test", Sort::A), Duration::from_secs(5))
            .await
            .unwrap_err();
        assert_eq!(error, "no answer in time");
    }

    #[tokio::test]
    async fn an_answer_that_does_not_fit_is_asked_for_by_tcp() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let socket = UdpSocket::bind(address).await.unwrap();
        tokio::spawn(async move {
            let mut buffer = vec![0; 512];
            let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
            socket
                .send_to(&reply(&buffer[..length], 0x0200, &[]), from)
                .await
                .unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            let length = stream.read_u16().await.unwrap();
            let mut question = vec![0; usize::from(length)];
            stream.read_exact(&mut question).await.unwrap();
            let records = vec![
                ("", 5, 30, written("tm.test")),
                ("tm.test", 1, 60, vec![10, 0, 0, 1]),
            ];
            let answer = reply(&question, 0, &records);
            stream
                .write_u16(u16::try_from(answer.len()).unwrap())
                .await
                .unwrap();
            stream.write_all(&answer).await.unwrap();
        });
        let said = ask(address, &asked("shop.test", Sort::A), Duration::from_secs(5))
            .await
            .unwrap();
        assert_eq!(
            (said.through, said.values),
            (vec!["tm.test".to_owned()], vec!["10.0.0.1".to_owned()])
        );
    }

    #[tokio::test]
    async fn this_machine_tells_addresses_only() {
        let said = system(&asked("localhost", Sort::A), Duration::from_secs(5))
            .await
            .unwrap();
        assert_eq!(said.values, ["127.0.0.1"]);
        assert!(
            system(&asked("localhost", Sort::Txt), Duration::from_secs(5))
                .await
                .is_err()
        );
    }
}
