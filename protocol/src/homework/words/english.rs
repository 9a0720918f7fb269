//! The English texts.

use crate::homework::cause::Cause;
use crate::homework::checks::CheckName;

pub(super) fn title(check: CheckName) -> &'static str {
    match check {
        CheckName::Connect => "accepts a connection",
        CheckName::Greeting => "greets with Welcome!",
        CheckName::Answers => "answers a message",
        CheckName::Add => "add: stores a new contact",
        CheckName::Overwrite => "add: overwrites a contact that is there",
        CheckName::Find => "find: gives the phone",
        CheckName::FindMiss => "find: Not Found! for a name that is not there",
        CheckName::Remove => "remove: removes a contact",
        CheckName::RemoveMiss => "remove: Not Found! for a name that is not there",
        CheckName::Chinese => "a Chinese name",
        CheckName::Conversation => "several commands on one connection",
        CheckName::Exit => "exit: ends the connection",
        CheckName::NextClient => "serves the next client",
        CheckName::TwoClients => "two clients at once",
        CheckName::HalfClose => "answers a client that has said everything",
        CheckName::TwoInOne => "two commands that arrive together",
        CheckName::Echo => "answers a message that is no command",
        CheckName::ShortCommand => "survives a command that is too short",
        CheckName::Garbage => "survives bytes that are no text",
        CheckName::Reset => "survives a client that breaks off",
    }
}

pub(super) fn verdict(cause: Cause) -> &'static str {
    match cause {
        Cause::NothingListens => {
            "Nothing listens on port {port}. Is your server started, in a window of its own?"
        }
        Cause::OtherPort => {
            "Your file listens on port {bound}, the check tried port {port}. The two must agree: \
             look at bind, or give the other one with --port."
        }
        Cause::OtherAddress => {
            "Your file listens on the address “{bound}”, and the check connects to 127.0.0.1. Look \
             at the address in bind: which computer does it name?"
        }
        Cause::OldServer => {
            "Another program has this port already, most likely your own server from before, \
             which runs on with the old code. End it with Ctrl+C in its window, then check again."
        }
        Cause::Classroom => {
            "This is the classroom’s own server, not yours. To check yours, give the port that is \
             in your bind."
        }
        Cause::Held => {
            "The connection was accepted, but then nothing came. A server like the lesson’s serves \
             one client at a time: is another one still connected, for example a client in another \
             window?"
        }
        Cause::NeverListens => {
            "Your program runs, but nothing can connect to port {port}. Does it get as far as bind \
             and listen, or does it wait for something before?"
        }
        Cause::Ended => {
            "Your program ended by itself, without an error. A server runs on after each client: \
             look at what stands behind the last loop, and at what ends that loop."
        }
        Cause::Syntax => {
            "Python cannot read the file: {exception}. Look at this line and at the end of the \
             one above it: brackets, quotes, colons, indentation."
        }
        Cause::UnknownName => {
            "{exception}. A name is used that nothing was stored under before: look for a typing \
             mistake, or for the line that should have come first."
        }
        Cause::UnboundLocal => {
            "{exception}. A function that assigns a name makes it its own: where should this one \
             belong, and where is it made?"
        }
        Cause::UnknownModule => {
            "{exception}. Look at the import: the lesson needs only socket, time and what Python \
             brings along."
        }
        Cause::UnknownAttribute => {
            "{exception}. Of which type is the value in front of the dot on this line?"
        }
        Cause::StrSent => {
            "A text is sent as it is, but a socket takes bytes. Compare this line with how the \
             lesson writes the welcome."
        }
        Cause::NotEncoded => {
            "The answer is a str, and a socket sends bytes only. The lesson does one thing more \
             with the text before it sends it: compare this line."
        }
        Cause::NotDecoded => {
            "What recv brings are bytes, and they are treated as text. Look at what the lesson does \
             with data before it splits or compares it."
        }
        Cause::KeyError => {
            "The dict has no such name, and the program stops{: exception}. Think about what \
             should happen before the dict is asked for a name that may not be there."
        }
        Cause::ShortCommand => {
            "A field was read that the message “{sent}” does not have{: exception}. How many \
             fields does each command have, and who makes sure that they are there?"
        }
        Cause::Unpacked => {
            "The message “{sent}” has another number of fields than this line takes{: exception}. \
             Not every command has as many as add."
        }
        Cause::GbkReceived => {
            "The bytes of the Chinese name were read in another encoding than they were sent in. \
             Everything here is sent as UTF-8: look at decode."
        }
        Cause::ClosedSocketUsed => {
            "A socket was used after it was closed{: exception}. There are two kinds, one that \
             listens and one for each client: which one is closed, and when?"
        }
        Cause::Exception => "Your program stopped{: exception}. Look at this line first.",
        Cause::NoGreeting => {
            "The connection was accepted, but no greeting came. In the lesson the server speaks \
             first: what does worker do before its loop?"
        }
        Cause::Silent => {
            "Your server did not answer “{sent}”. Does the message reach the branch that should \
             answer it, and does that branch send something?"
        }
        Cause::NotWritten => {
            "Your server did not answer “{sent}”: this command is not written yet. Look at how add \
             is done; this is your homework."
        }
        Cause::NoMissBranch => {
            "When the name is there it works; for one that is not there, no right answer came. What \
             should happen in that case is missing."
        }
        Cause::Printed => {
            "The answer appeared in your server’s own window instead of at the client. Printing \
             shows it to you; how does it get to the other side?"
        }
        Cause::Closes => {
            "The connection ended instead of an answer to “{sent}”. If your server’s window shows \
             red lines, the last one says why and the ones above it where."
        }
        Cause::Floods => {
            "Your server sends and sends, though nothing more was asked. In which loop does this \
             send stand, and what should that loop wait for before each answer?"
        }
        Cause::EchoOnly => {
            "Your server only repeats the message: that is the lesson’s first server. The homework \
             goes on from the second, which looks at what is in front of the ; first."
        }
        Cause::NotTaken => {
            "Your server only repeats “{sent}”: none of its branches took it. Is there one for this \
             command, and does it have the same word, letter by letter, small or capital?"
        }
        Cause::WrongWords => {
            "To “{sent}” your server answered “{actual}”. Client and server agree on “{expected}”: \
             compare the two, character by character."
        }
        Cause::ElseOnLastIf => {
            "Behind the right answer came another one: “{actual}”. When several if stand below one \
             another, which of them does the else belong to?"
        }
        Cause::ManyAnswers => {
            "One find got several answers: “{actual}”. An answer is sent each time the loop goes \
             round; when is it known what the only answer is?"
        }
        Cause::WrongSeparator => {
            "The message is split at another mark than the client puts between the parts. With \
             “{sent}” in mind, look at split."
        }
        Cause::BytesShown => {
            "The answer has b'...' in it: bytes were turned into text with str or %. There is \
             another way from bytes to text in the lesson."
        }
        Cause::GbkSent => {
            "The answer is not UTF-8, most likely GBK. Look at what stands in the brackets of \
             encode."
        }
        Cause::WholeDict => {
            "find answered “{actual}”, the whole address book. Only one phone was asked for: how do \
             you get one value out of it?"
        }
        Cause::NameAndPhone => {
            "find answered “{actual}”. Only the phone was asked for, “{expected}”."
        }
        Cause::LineEndKept => {
            "The name was added, and is not found. Your server reads whole lines: what is at the \
             end of each one, and does it become a part of the name or phone?"
        }
        Cause::RefusesExisting => {
            "A name that is there already was not changed; your server answered “{actual}”. In the \
             lesson the new phone simply replaces the old one."
        }
        Cause::OldPhone => {
            "After the phone was changed, find still gave the old one, “{actual}”. Look at what add \
             does with a name that is there already."
        }
        Cause::NotStored => {
            "The name was added just before, and your server says that it is not there. Where does \
             add put it, and where is it looked for?"
        }
        Cause::MissFound => {
            "The same name was removed twice, and the second time your server still answered \
             “{actual}”. Was it really taken out the first time, and what is looked at before the \
             answer?"
        }
        Cause::ClosesAfterOne => {
            "Your server ends the connection after one answer. Several commands may come on one: \
             look at how close is indented, and at what the inner loop goes round."
        }
        Cause::AcceptInInnerLoop => {
            "Only the first message of each connection is answered. After an answer your server \
             waits for a new client instead of for the next message: in which loop stands accept?"
        }
        Cause::AcceptOutsideLoop => {
            "The first client was served, the next one is not. What must your server do anew for \
             each client, and does a loop go round it?"
        }
        Cause::ExitIgnored => {
            "After exit the connection should end, and it goes on. Look at how the message is \
             compared with exit, and at what follows."
        }
        Cause::DictPerConnection => {
            "A contact that one client added is not there for the next one. When is the dict made: \
             once, or for each connection?"
        }
        Cause::EmptyRecv => {
            "A client left without exit, and your server did not notice: recv then brings nothing, \
             again and again. Look at what the lesson does when data is empty."
        }
        Cause::OneClient => {
            "Your server serves one client at a time, as the lesson’s does. That is fine; threads \
             would be the next thing to learn."
        }
        Cause::HalfClose => {
            "A client that ended its side right after the question got no answer. That is fine for \
             the homework; programs like nc do that."
        }
        Cause::TwoInOne => {
            "Two commands that arrived together were taken for one. That is fine for the homework: \
             TCP carries a stream, and the lesson’s messages have no end of their own."
        }
        Cause::GarbageKills => {
            "Bytes that are no text ended your server{: exception}. That is beyond the \
             homework; anyone can send anything, though."
        }
        Cause::ResetKills => {
            "A client that broke off ended your server{: exception}. That is beyond the \
             homework; it happens when a laptop is closed."
        }
        Cause::NoEcho => {
            "A message that is no command gets no answer, as in the lesson’s second server. That is \
             fine; the first one answers “{expected}”."
        }
        Cause::OtherGreeting => {
            "The greeting is “{actual}”. That is fine; the lesson says Welcome!."
        }
        Cause::NoMark => {
            "“{actual}” has no ! at its end. That is fine: the lesson itself writes it both ways."
        }
        Cause::WideMark => {
            "“{actual}” ends with the wide ！ of a Chinese keyboard. That is fine here; to a \
             program ! and ！ are two characters."
        }
        Cause::OtherCase => {
            "“{actual}” differs from “{expected}” in capital letters. That is fine: the lesson \
             itself writes it both ways."
        }
        Cause::Pauses => {
            "Your server waits before it answers, as the lesson’s does. That is fine; it only makes \
             the check slower."
        }
        Cause::NeedsLineEnds => {
            "Your server answers when a line end comes. That is fine; the lesson’s clients send \
             none, though."
        }
    }
}
