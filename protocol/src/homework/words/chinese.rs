//! The Chinese texts.

use crate::homework::cause::Cause;
use crate::homework::checks::CheckName;

pub(super) fn title(check: CheckName) -> &'static str {
    match check {
        CheckName::Connect => "能连上",
        CheckName::Greeting => "先说 Welcome!",
        CheckName::Answers => "会回答消息",
        CheckName::Add => "add：添加联系人",
        CheckName::Overwrite => "add：同名的会被覆盖",
        CheckName::Find => "find：查到电话",
        CheckName::FindMiss => "find：查不到时回答 Not Found!",
        CheckName::Remove => "remove：删除联系人",
        CheckName::RemoveMiss => "remove：没有这个人时回答 Not Found!",
        CheckName::Chinese => "中文名字",
        CheckName::Conversation => "一个连接上能发多条命令",
        CheckName::Exit => "exit 之后断开",
        CheckName::NextClient => "下一个客户端也能连",
        CheckName::TwoClients => "两个客户端同时连",
        CheckName::HalfClose => "对方说完就关，也能收到回答",
        CheckName::TwoInOne => "两条命令粘在一起",
        CheckName::Echo => "不是命令的消息也有回答",
        CheckName::ShortCommand => "命令不完整，也不会停掉",
        CheckName::Garbage => "收到不是文字的字节，也不会停掉",
        CheckName::Reset => "客户端突然断开，也不会停掉",
    }
}

pub(super) fn verdict(cause: Cause) -> &'static str {
    match cause {
        Cause::NothingListens => "端口 {port} 上没有程序在监听。你的服务器在另一个窗口里启动了吗？",
        Cause::OtherPort => {
            "你的文件监听的是端口 {bound}，检查连的是端口 {port}。两边要一致：看看 bind，\
             或者用 --port 指定另一个。"
        }
        Cause::OtherAddress => {
            "你的文件监听的地址是“{bound}”，检查连的是 127.0.0.1。看看 bind 里的地址，它指的是哪台电脑？"
        }
        Cause::OldServer => {
            "这个端口已经被别的程序占用了，多半是你之前启动的服务器，它还在运行旧代码。\
             到它的窗口里按 Ctrl+C 结束它，再检查一次。"
        }
        Cause::Classroom => {
            "这是课堂的服务器，不是你自己的。要检查你的，请用你的 bind 里写的端口。"
        }
        Cause::Held => {
            "连上了，但是什么也没有收到。课上那样的服务器一次只服务一个客户端：\
             是不是还有别的客户端连着，比如另一个窗口里的？"
        }
        Cause::NeverListens => {
            "你的程序在运行，但是端口 {port} 连不上。它执行到 bind 和 listen 了吗，\
             还是在那之前就在等别的东西？"
        }
        Cause::Ended => {
            "你的程序没有报错，自己结束了。服务器服务完一个客户端还要继续运行：\
             看看最后那个循环后面是什么，又是什么让循环结束的。"
        }
        Cause::Syntax => {
            "Python 读不懂这个文件：{exception}。看看这一行，还有上一行的末尾：括号、引号、冒号、缩进。"
        }
        Cause::UnknownName => {
            "{exception}。用到了一个还没有定义过的名字：是不是打错了字，或者少了前面该有的一行？"
        }
        Cause::UnboundLocal => {
            "在函数里给一个名字赋值，它就成了函数自己的变量{：exception}。这个变量应该属于谁，是在哪里创建的？"
        }
        Cause::UnknownModule => {
            "{exception}。看看 import：这堂课只需要 socket、time 这些 Python 自带的模块。"
        }
        Cause::UnknownAttribute => "{exception}。这一行里，点号前面的值是什么类型？",
        Cause::StrSent => {
            "直接发送了字符串，而 socket 只接受 bytes。把这一行和课上发送 Welcome! 的写法比一比。"
        }
        Cause::NotEncoded => {
            "回答是 str，而 socket 只能发送 bytes。课上在发送之前还多做了一步：把这一行和课上的比一比。"
        }
        Cause::NotDecoded => {
            "recv 收到的是 bytes，却被当成字符串来用了。看看课上在拆分或者比较 data 之前，先对它做了什么。"
        }
        Cause::KeyError => {
            "字典里没有这个名字，程序就停了{：exception}。名字可能不存在，想一想，取值之前应该先做什么？"
        }
        Cause::ShortCommand => {
            "读取了消息“{sent}”里没有的部分{：exception}。每条命令各有几个部分，\
             在哪里确认它们都在？"
        }
        Cause::Unpacked => {
            "消息“{sent}”拆出来的个数，和这一行要的不一样{：exception}。不是每条命令都和 add 一样长。"
        }
        Cause::GbkReceived => {
            "读中文名字时用的编码，和发送时用的不一样。这里发送的都是 UTF-8：看看 decode。"
        }
        Cause::ClosedSocketUsed => {
            "用到了已经关闭的 socket{：exception}。这里有两种 socket，一个负责监听，另外每个客户端各有一个：\
             关闭的是哪一个，什么时候关的？"
        }
        Cause::Exception => "你的程序出错停止了{：exception}。先看这一行。",
        Cause::NoGreeting => {
            "连上了，但是没有收到欢迎的话。课上是服务器先开口：worker 在进入循环之前做了什么？"
        }
        Cause::Silent => {
            "你的服务器没有回答“{sent}”。这条消息走到该回答它的那个分支了吗，那个分支里发送了吗？"
        }
        Cause::NotWritten => {
            "你的服务器没有回答“{sent}”：这个命令还没有写。看看 add 是怎么做的，这就是你的作业。"
        }
        Cause::NoMissBranch => {
            "名字存在的时候是对的；名字不存在的时候，没有收到正确的回答。这种情况该怎么办，还没有写。"
        }
        Cause::Printed => {
            "回答显示在了你的服务器自己的窗口里，客户端没有收到。print 是给你自己看的，怎样才能让对方收到？"
        }
        Cause::Closes => {
            "发送“{sent}”之后没有收到回答，连接就断了。如果你的服务器窗口里有报错，\
             最后一行说的是原因，上面几行说的是位置。"
        }
        Cause::Floods => {
            "没有新的消息，服务器却不停地发。send 在哪个循环里，这个循环每转一圈应该先等什么？"
        }
        Cause::EchoOnly => {
            "你的服务器只是把消息重复了一遍，这是课上的第一个服务器。作业要接着第二个来写，\
             它会先看 ; 前面的是什么。"
        }
        Cause::NotTaken => {
            "你的服务器把“{sent}”照样还了回来，没有一个分支接住它。这条命令的分支写了吗，\
             引号里的词和发来的是不是一模一样，大小写也一样？"
        }
        Cause::WrongWords => {
            "收到“{sent}”，你的服务器回答了“{actual}”。约定好的回答是“{expected}”：一个字符一个字符地比一比。"
        }
        Cause::ElseOnLastIf => {
            "正确的回答后面又多了一个：“{actual}”。几个 if 并排的时候，else 是跟着哪一个 if 的？"
        }
        Cause::ManyAnswers => {
            "一次 find 收到了好几个回答：“{actual}”。循环每走一圈都发送了一次；\
             要到什么时候，才知道该回答什么？"
        }
        Cause::WrongSeparator => {
            "拆分消息用的符号，和客户端用来连接的符号不一样。对照“{sent}”，看看 split。"
        }
        Cause::BytesShown => {
            "回答里出现了 b'...'：bytes 是用 str 或者 % 变成文字的。课上把 bytes 变成文字，用的是另一种方法。"
        }
        Cause::GbkSent => "回答不是 UTF-8 编码，很可能是 GBK。看看 encode 的括号里写的是什么。",
        Cause::WholeDict => {
            "find 回答的是“{actual}”，整本通讯录。要查的只是一个电话：怎样从里面取出一个值？"
        }
        Cause::NameAndPhone => "find 回答的是“{actual}”。要查的只是电话：“{expected}”。",
        Cause::LineEndKept => {
            "刚添加的名字却查不到。你的服务器是一行一行读的：每一行的末尾有什么，\
             它是不是也成了名字或者电话的一部分？"
        }
        Cause::RefusesExisting => {
            "名字已经存在，就没有更新，你的服务器回答了“{actual}”。课上约定：直接用新的电话覆盖旧的。"
        }
        Cause::OldPhone => {
            "电话已经改过了，find 得到的还是旧的“{actual}”。看看名字已经存在的时候，add 做了什么。"
        }
        Cause::NotStored => {
            "刚刚添加过的名字，你的服务器却说没有。add 把它存到哪里去了，又是到哪里去找的？"
        }
        Cause::MissFound => {
            "同一个名字删除了两次，第二次你的服务器还是回答“{actual}”。第一次真的删掉了吗，\
             回答之前检查了什么？"
        }
        Cause::ClosesAfterOne => {
            "你的服务器回答一次就断开了连接。一个连接上可以发好几条命令：看看 close 的缩进，\
             还有里层的循环包住了哪些行。"
        }
        Cause::AcceptInInnerLoop => {
            "每个连接只有第一条消息得到了回答。回答之后，你的服务器又去等新的客户端，\
             而不是等下一条消息：accept 在哪一层循环里？"
        }
        Cause::AcceptOutsideLoop => {
            "第一个客户端得到了服务，下一个没有。每来一个客户端，服务器都要重新做哪一步，它在循环里吗？"
        }
        Cause::ExitIgnored => {
            "发送 exit 之后应该断开，连接却还在。看看消息是怎样和 exit 比较的，后面又做了什么。"
        }
        Cause::DictPerConnection => {
            "一个客户端添加的联系人，下一个客户端查不到。字典是什么时候创建的：只有一次，还是每个连接一次？"
        }
        Cause::EmptyRecv => {
            "客户端没有发 exit 就走了，你的服务器没有发现：这时 recv 会一次又一次地收到空的数据。\
             看看课上 data 为空的时候是怎么处理的。"
        }
        Cause::OneClient => {
            "你的服务器一次只服务一个客户端，和课上的一样。这没有问题；下一步可以学习多线程。"
        }
        Cause::HalfClose => {
            "客户端问完就关闭了自己这一边，没有收到回答。对作业来说没有问题；nc 这样的程序会这样做。"
        }
        Cause::TwoInOne => {
            "一起到达的两条命令被当成了一条。对作业来说没有问题：TCP 传的是一串字节，\
             课上的消息没有自己的结尾。"
        }
        Cause::GarbageKills => {
            "收到不是文字的字节，你的服务器就停了{：exception}。这超出了作业的要求；\
             不过，谁都可能发来任何东西。"
        }
        Cause::ResetKills => {
            "一个客户端突然断开，你的服务器就停了{：exception}。这超出了作业的要求；\
             不过，合上笔记本电脑就会发生这种事。"
        }
        Cause::NoEcho => {
            "不是命令的消息没有回答，和课上的第二个服务器一样。这没有问题；第一个服务器会回答“{expected}”。"
        }
        Cause::OtherGreeting => "欢迎的话是“{actual}”。这没有问题；课上说的是 Welcome!。",
        Cause::NoMark => "“{actual}”末尾没有 !。这没有问题：课上自己也是两种写法都有。",
        Cause::WideMark => {
            "“{actual}”末尾是中文输入法的全角 ！。这里没有问题；不过对程序来说，! 和 ！是两个不同的字符。"
        }
        Cause::OtherCase => {
            "“{actual}”和“{expected}”的大小写不同。这没有问题：课上自己也是两种写法都有。"
        }
        Cause::Pauses => {
            "你的服务器回答之前会停一会儿，和课上的一样。这没有问题，只是检查会慢一些。"
        }
        Cause::NeedsLineEnds => {
            "你的服务器要等到换行才回答。这没有问题；不过课上的客户端发送时不带换行。"
        }
    }
}
